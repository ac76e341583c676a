"""The normal form of text that identifies something, so that what looks the same is the same.

Keyboards, spreadsheets and messengers write one text in many ways: composed or
decomposed, with full-width or Arabic digits, with marks that nobody sees.

Source: docs/contract.md#quantities-and-identity.
"""

import re
import unicodedata

# The characters that Unicode calls Default_Ignorable_Code_Point: a
# page shows nothing for them.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# Every dash that a keyboard or an autocorrection may put where a hyphen is meant.
_DASHES = re.compile("[\u2010-\u2015\u2043\u2212\u30fc\ufe58\ufe63\uff0d]")


def remove_invisible_marks(text: str) -> str:
    """Return the text without the characters that a page does not show."""
    return _INVISIBLE.sub("", text)


def normalise_text(text: str) -> str:
    """Return the normal form: NFKC, the digits of any script as 0 to 9, no invisible marks."""
    # The marks go first. Otherwise one of them could keep a letter and its accent apart.
    composed = unicodedata.normalize("NFKC", remove_invisible_marks(text))
    return "".join(str(int(char)) if char.isdecimal() else char for char in composed)


def normalise_number(text: str) -> str:
    """Return the normal form of a number: without white space, and with hyphens for all dashes."""
    return re.sub(r"\s", "", _DASHES.sub("-", normalise_text(text)))
