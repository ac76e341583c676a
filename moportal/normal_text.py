"""One normal form for text that identifies: what looks the same is the same text.

Keyboards, spreadsheets and messengers write one text in many ways: composed or decomposed, with
full-width or Arabic digits, with marks that nobody sees.

Source: docs/contract.md#quantities-and-identity.
"""

import re

# The characters that Unicode calls Default_Ignorable_Code_Point: a page shows nothing for them.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def remove_invisible_marks(text: str) -> str:
    """Return the text without the characters that a page does not show."""
    return _INVISIBLE.sub("", text)
