"""The detection of card numbers in fields that are not meant for them.

A card number that was typed into another field must not be stored or shown: no
field's name tells that it is there.
"""

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from moportal.identifiers import has_luhn_digit
from moportal.text.normal_text import normalise_text

# Groups of digits, with at most three other characters between two groups. Digits
# after a plus are a phone number.
_DIGIT_GROUPS = re.compile(r"(?<![+0-9])[0-9]+(?:[\W_]{1,3}[0-9]+)*")
# ISO/IEC 7812: 89 is telecommunications, as in an ICCID or EID. Cards have 14 to
# 19 digits. Only Maestro has shorter ones, which begin with 50, 56 to 58 or 6.
# Phone numbers have fewer digits.
_CARD_NUMBER = re.compile(r"(?!89)[1-9][0-9]{13,18}|(?:5[0678]|6[0-9])[0-9]{10,11}")
_LONGEST = 19
# In characters. No field keeps more, so the search takes no longer for more.
_SEARCHED = 1000


def has_card_number(text: str) -> bool:
    """Return whether a card number stands in the text, in any script and however it is grouped."""
    for run in _DIGIT_GROUPS.findall(normalise_text(text[:_SEARCHED])):
        groups = re.findall(r"[0-9]+", run)
        # An EID in groups: any part of it may happen to look like a card number.
        if "".join(groups).startswith("89"):
            continue
        if any(_is_card_number(number) for number in _joined_groups(groups)):
            return True
    return False


def refuse_card_number(text: str) -> None:
    """Raise `ValidationError` if a card number stands in the text."""
    if has_card_number(text):
        raise ValidationError(
            _("This looks like a card number. Don't enter it here."), code="card_number"
        )


def _joined_groups(groups: list[str]) -> list[str]:
    """Return the numbers that neighbouring groups form, up to the longest card number."""
    numbers = []
    for start in range(len(groups)):
        number = ""
        for group in groups[start:]:
            number += group
            if len(number) > _LONGEST:
                break
            numbers.append(number)
    return numbers


def _is_card_number(number: str) -> bool:
    return bool(_CARD_NUMBER.fullmatch(number)) and has_luhn_digit(number)
