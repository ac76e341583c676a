"""Identifiers: EID, ICCID, IMEI, IMSI, MSISDN, country, matching id, activation code.

Each class has a `parse` that returns a valid identifier or
raises its own `InvalidIdentifier`.
"""

import re
import secrets
from dataclasses import dataclass
from typing import Self

import pycountry


class InvalidIdentifier(ValueError):
    """The text is not a valid identifier of the expected kind."""


class InvalidEid(InvalidIdentifier):
    """Not 32 decimal digits with correct check digits (SGP.29, section 10)."""


class InvalidIccid(InvalidIdentifier):
    """Not 18 to 20 decimal digits with a correct Luhn digit (ITU-T E.118)."""


class InvalidImei(InvalidIdentifier):
    """Not 15 decimal digits with a correct Luhn digit (3GPP TS 23.003, 6.2.1)."""


class InvalidImsi(InvalidIdentifier):
    """Not 14 or 15 decimal digits (ITU-T E.212; 3GPP TS 23.003, 2.2)."""


class InvalidMsisdn(InvalidIdentifier):
    """Not 5 to 15 decimal digits, country code first (ITU-T E.164; 3GPP TS 23.003, 3.3)."""


class InvalidCountry(InvalidIdentifier):
    """Not an ISO 3166-1 alpha-2 code."""


class InvalidActivationCode(InvalidIdentifier):
    """Not `1$<SM-DP+ host>$<matching id>`, or one that needs a confirmation code (SGP.22, 4.1)."""


# Labels of letters, digits and inner hyphens (RFC 1123, 2.1):
# no scheme, no port, no slash.
_LABEL = "[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
HOST_NAME = rf"{_LABEL}(\.{_LABEL})*"

# Maps each digit to the digit sum of its double.
_DOUBLED = bytes.maketrans(b"0123456789", b"0246813579")


def has_luhn_digit(digits: str) -> bool:
    """Return whether the last digit is the Luhn check digit of the others (ISO/IEC 7812-1).

    It sums bytes instead of looping over digits, because an
    import calls it a million times.
    """
    codes = digits.encode("ascii")
    # From the right: the check digit and every second digit as
    # they are, the others doubled.
    as_they_are, doubled = codes[::-2], codes[-2::-2].translate(_DOUBLED)
    # The code of a digit is the digit plus ord("0").
    total = sum(as_they_are) + sum(doubled) - len(codes) * ord("0")
    return total % 10 == 0


def luhn_digit(digits: str) -> str:
    """Return the check digit to append to these digits."""
    return next(check for check in "0123456789" if has_luhn_digit(digits + check))


_ICCID_LENGTHS, _IMSI_LENGTHS, _MSISDN_LENGTHS = range(18, 21), range(14, 16), range(5, 16)


def _is_digits(text: str, lengths: range) -> bool:
    return len(text) in lengths and text.isascii() and text.isdigit()


class Eid(str):
    """The number of an eUICC: 32 digits, of which the last two are check digits."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse 32 digits whose remainder modulo 97 is 1 (SGP.29, 10), or raise `InvalidEid`."""
        if not _is_digits(text, range(32, 33)) or int(text) % 97 != 1:
            raise InvalidEid(text)
        return cls(text)


class Iccid(str):
    """The number of a SIM. A trailing `F` is padding and is dropped (SGP.22, table 21)."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse 18 to 20 digits with a correct Luhn digit, and drop one trailing `F`."""
        digits = text[:-1] if text[-1:] in {"F", "f"} else text
        if not _is_digits(digits, _ICCID_LENGTHS) or not has_luhn_digit(digits):
            raise InvalidIccid(text)
        return cls(digits)

    @classmethod
    def numbered(cls, prefix: str, serial: int) -> Self:
        """Return the 19-digit ICCID of this prefix and serial number, with its check digit."""
        body = f"{prefix}{serial:0{18 - len(prefix)}d}"
        return cls.parse(body + luhn_digit(body))


class Imei(str):
    """The number of a modem: 15 digits."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse 15 digits with a correct Luhn digit, or raise `InvalidImei`."""
        if not _is_digits(text, range(15, 16)) or not has_luhn_digit(text):
            raise InvalidImei(text)
        return cls(text)


class Imsi(str):
    """The number that identifies a subscriber within the network: 14 or 15 digits."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse 14 or 15 digits, or raise `InvalidImsi`."""
        if not _is_digits(text, _IMSI_LENGTHS):
            raise InvalidImsi(text)
        return cls(text)


class Msisdn(str):
    """A phone number in international form without a plus: 5 to 15 digits."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse 5 to 15 digits, or raise `InvalidMsisdn`."""
        if not _is_digits(text, _MSISDN_LENGTHS):
            raise InvalidMsisdn(text)
        return cls(text)


# Kosovo. ISO 3166-1 leaves this code to its users, and Windows and CLDR use it.
_KOSOVO = "XK"


class Country(str):
    """An ISO 3166-1 alpha-2 code in upper case, or `XK`."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a code in either case. `UK`, which some senders use, becomes `GB`."""
        code = "GB" if text.upper() == "UK" else text.upper()
        is_known = code == _KOSOVO or pycountry.countries.get(alpha_2=code) is not None
        if not re.fullmatch(r"[A-Z]{2}", code) or not is_known:
            raise InvalidCountry(text)
        return cls(code)


_MATCHING_ID_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_matching_id() -> str:
    """Return an unguessable matching id: 100 random bits in four groups (SGP.22, 4.1.1)."""
    groups = ("".join(secrets.choice(_MATCHING_ID_ALPHABET) for _ in range(5)) for _ in range(4))
    return "-".join(groups)


@dataclass(frozen=True)
class ActivationCode:
    """`1$<SM-DP+ host>$<matching id>`, without `LPA:` and without a confirmation code."""

    smdp_host: str
    matching_id: str

    def __post_init__(self) -> None:
        """Refuse parts that the format does not allow (SGP.22 v2.2, 4.1)."""
        is_host = re.fullmatch(HOST_NAME, self.smdp_host)
        is_token = re.fullmatch(r"[0-9A-Z-]+", self.matching_id)
        if not is_host or not is_token or len(str(self)) > 255:  # noqa: PLR2004 -- SGP.22, 4.1
            raise InvalidActivationCode(self.smdp_host)

    def __str__(self) -> str:
        return f"1${self.smdp_host}${self.matching_id}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a code of three parts. A fourth part (an OID, a confirmation flag) is refused."""
        parts = text.split("$")
        if len(parts) != 3 or parts[0] != "1":  # noqa: PLR2004 -- format, host, token
            raise InvalidActivationCode(text)
        return cls(smdp_host=parts[1], matching_id=parts[2])
