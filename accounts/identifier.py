"""The sign-in identifier: an email address or a phone number, each in one normal form.

Source: docs/contract.md#quantities-and-identity.
"""

import re
from collections.abc import Iterator

import idna
import phonenumbers
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, validate_email
from django.utils.translation import gettext_lazy as _
from phonenumbers import NumberParseException, PhoneNumberFormat, ValidationResult

from moportal.text.normal_text import normalise_number, normalise_text

LONGEST = 254
_E164 = re.compile(r"\+[1-9][0-9]{5,14}", re.ASCII)
# The library also reads letters as the digits of their keys, and words for an extension.
_TYPED_NUMBER = re.compile(r"[+0-9().\-/]{1,40}", re.ASCII)
# Zero-width joiners may belong to a domain: RFC 5892, A.1 and A.2.
_JOINERS = re.compile("[\u200c\u200d]")


def normalise(text: str, market: str = "") -> str:
    """Return the normal form: an address with its domain by IDNA, or a phone number by E.164.

    The market decides how a number without a country code is read. Other text, such as
    the name of a member of staff, is returned in lower case.
    """
    if "@" in normalise_text(text):
        return _normalise_address(text)
    return _normalise_phone(text, market) or normalise_text(text).strip().lower()


def validate_identifier(text: str) -> None:
    """Raise `ValidationError` unless the normal form is an email address or a phone number."""
    if _E164.fullmatch(text):
        return
    try:
        # The normal form may be longer than what was typed, so it is what must fit.
        validate_email(text)
        MaxLengthValidator(LONGEST)(text)
        text.encode("ascii")
    except (ValidationError, UnicodeEncodeError) as error:
        raise ValidationError(
            _(
                "Enter an email address, such as name@example.com, "
                "or a phone number, such as +44 20 7946 0018."
            ),
            code="identifier",
        ) from error


def is_identifier(text: str) -> bool:
    """Return whether this is an email address or a phone number in its normal form."""
    try:
        validate_identifier(text)
    except ValidationError:
        return False
    return True


def _normalise_address(text: str) -> str:
    local, _at, domain = text.replace("\uff20", "@").replace("\ufe6b", "@").rpartition("@")
    # Case is not folded further: folding makes `ss` of
    # `\u00df`, and so one domain of two.
    return f"{normalise_text(local).strip().lower()}@{_normalise_domain(domain)}"


def _normalise_domain(domain: str) -> str:
    """Return the domain in ASCII, or in lower case if IDNA does not allow it."""
    without_joiners = normalise_text(domain).strip()
    with_joiners = "".join(
        part if _JOINERS.fullmatch(part) else normalise_text(part)
        for part in re.split("([\u200c\u200d])", domain)
    ).strip()
    for candidate in (with_joiners, without_joiners):
        try:
            return idna.encode(candidate, uts46=True).decode()
        except idna.IDNAError:
            continue
    return without_joiners.lower()


def _normalise_phone(text: str, market: str) -> str:
    """Return the number in E.164, or nothing if the text is no phone number."""
    typed = normalise_number(text)
    if not _TYPED_NUMBER.fullmatch(typed):
        return ""
    readings = [number for number in _readings(typed, market) if _is_final(number)]
    # Numbering plans change, so a number that the library's tables
    # do not list is still accepted.
    valid = filter(phonenumbers.is_valid_number, readings)
    best = next(valid, None) or next(iter(readings), None)
    return _e164(best) if best else ""


def _readings(typed: str, market: str) -> Iterator[phonenumbers.PhoneNumber]:
    """Yield what the number may be, in the order in which the readings count."""
    code = str(phonenumbers.country_code_for_region(market))
    variants = [typed]
    if typed.startswith(code):
        # Numbers of a market are written with their trunk prefix. Without it, digits that
        # begin with the market's country code have only lost their plus.
        variants.insert(0, f"+{typed}")
    if typed.startswith("00"):
        # The international prefix in most countries, if not in this market.
        variants.append(f"+{typed[2:]}")
    variants.append(f"+{typed}")
    for variant in variants:
        try:
            yield phonenumbers.parse(variant, market or None)
        except NumberParseException:
            continue


def _is_final(number: phonenumbers.PhoneNumber) -> bool:
    """Return whether the number is possible and its E.164 form is read as the same number."""
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return False
    normal = _e164(number)
    return bool(_E164.fullmatch(normal)) and _e164(phonenumbers.parse(normal)) == normal


def _e164(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)
