"""The numbers of the trade: EID, ICCID, IMEI, IMSI, MSISDN, country, matching id, activation code.

Each is a `str` that can only be made right: `Eid.parse(text)` returns one or raises its own error,
all of which are `InvalidIdentifier`.
"""

import re
import secrets
from dataclasses import dataclass
from typing import Self

import pycountry


class InvalidIdentifier(ValueError):
    """What was given is not an identifier of its kind."""


class InvalidEid(InvalidIdentifier):
    """Not 32 decimal digits with right check digits (SGP.29, section 10)."""


class InvalidIccid(InvalidIdentifier):
    """Not 18 to 20 decimal digits with a right Luhn digit (ITU-T E.118)."""


class InvalidImei(InvalidIdentifier):
    """Not 15 decimal digits with a right Luhn digit (3GPP TS 23.003, 6.2.1)."""


class InvalidImsi(InvalidIdentifier):
    """Not 14 or 15 decimal digits (ITU-T E.212; 3GPP TS 23.003, 2.2)."""


class InvalidMsisdn(InvalidIdentifier):
    """Not 5 to 15 decimal digits, country code first (ITU-T E.164; 3GPP TS 23.003, 3.3)."""


class InvalidCountry(InvalidIdentifier):
    """Not an ISO 3166-1 alpha-2 code."""


class InvalidActivationCode(InvalidIdentifier):
    """Not `1$<SM-DP+ host>$<matching id>`, or one that needs a confirmation code (SGP.22, 4.1)."""


# Each digit's place is taken by the digit sum of its double.
_DOUBLED = bytes.maketrans(b"0123456789", b"0246813579")


def luhn_is_right(digits: str) -> bool:
    """Say whether the last digit is the Luhn check digit of those before it (ISO/IEC 7812-1).

    Summed as bytes, without a step of ours for each digit: an import asks this a million times.
    """
    line = digits.encode("ascii")
    total = sum(line[::-2]) + sum(line[-2::-2].translate(_DOUBLED))
    return (total - len(line) * ord("0")) % 10 == 0


def luhn_digit(digits: str) -> str:
    """Return the check digit to put behind these digits."""
    return next(check for check in "0123456789" if luhn_is_right(digits + check))


_ICCID, _IMSI, _MSISDN = range(18, 21), range(14, 16), range(5, 16)


def _is_digits(text: str, lengths: range) -> bool:
    return len(text) in lengths and text.isascii() and text.isdigit()


class Eid(str):
    """The eUICC's own number: 32 digits of which the last two check the rest."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read 32 digits whose value modulo 97 is 1, or raise `InvalidEid`."""
        if not _is_digits(text, range(32, 33)) or int(text) % 97 != 1:
            raise InvalidEid(text)
        return cls(text)


class Iccid(str):
    """A SIM's number, kept without padding: a trailing `F` says nothing (SGP.22, table 21)."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read 18 to 20 digits with a right Luhn digit, dropping one trailing `F`."""
        digits = text[:-1] if text[-1:] in {"F", "f"} else text
        if not _is_digits(digits, _ICCID) or not luhn_is_right(digits):
            raise InvalidIccid(text)
        return cls(digits)

    @classmethod
    def numbered(cls, prefix: str, serial: int) -> Self:
        """Make the 19-digit ICCID of this prefix and serial number, check digit included."""
        body = f"{prefix}{serial:0{18 - len(prefix)}d}"
        return cls.parse(body + luhn_digit(body))


class Imei(str):
    """The modem's number: 15 digits."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read 15 digits with a right Luhn digit, or raise `InvalidImei`."""
        if not _is_digits(text, range(15, 16)) or not luhn_is_right(text):
            raise InvalidImei(text)
        return cls(text)


class Imsi(str):
    """The subscriber's number in the network's own books: 14 or 15 digits."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read 14 or 15 digits, or raise `InvalidImsi`."""
        if not _is_digits(text, _IMSI):
            raise InvalidImsi(text)
        return cls(text)


class Msisdn(str):
    """The number that people dial, in international form without a plus: 5 to 15 digits."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read 5 to 15 digits, or raise `InvalidMsisdn`."""
        if not _is_digits(text, _MSISDN):
            raise InvalidMsisdn(text)
        return cls(text)


class Country(str):
    """An ISO 3166-1 alpha-2 code in upper case."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a code in any case; `UK`, which the source's own samples send, is `GB`."""
        code = "GB" if text.upper() == "UK" else text.upper()
        if not re.fullmatch(r"[A-Z]{2}", code) or pycountry.countries.get(alpha_2=code) is None:
            raise InvalidCountry(text)
        return cls(code)


_MATCHING_ID_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_matching_id() -> str:
    """Make a matching id nobody can guess: 100 random bits in four groups (SGP.22, 4.1.1)."""
    groups = ("".join(secrets.choice(_MATCHING_ID_ALPHABET) for _ in range(5)) for _ in range(4))
    return "-".join(groups)


@dataclass(frozen=True)
class ActivationCode:
    """`1$<SM-DP+ host>$<matching id>`: never with `LPA:`, never with a confirmation code."""

    smdp_host: str
    matching_id: str

    def __post_init__(self) -> None:
        """Refuse what would not be read back: SGP.22 v2.2, 4.1 and seed 000."""
        host_is_right = re.fullmatch(r"[A-Za-z0-9.-]+", self.smdp_host)
        token_is_right = re.fullmatch(r"[0-9A-Z-]+", self.matching_id)
        if not host_is_right or not token_is_right or len(str(self)) > 255:  # noqa: PLR2004 -- SGP.22, 4.1
            raise InvalidActivationCode(self.smdp_host)

    def __str__(self) -> str:
        return f"1${self.smdp_host}${self.matching_id}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a code of three parts; a fourth (an OID, a confirmation flag) is refused."""
        parts = text.split("$")
        if len(parts) != 3 or parts[0] != "1":  # noqa: PLR2004 -- format, host, token
            raise InvalidActivationCode(text)
        return cls(smdp_host=parts[1], matching_id=parts[2])
