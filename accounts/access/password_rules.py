"""Rules for new passwords besides Django's: no operator's name, and none that has leaked.

Source: ASVS 5.0, 6.2.11 and 6.2.12; NIST SP 800-63B, 5.1.1.2.
"""

import hashlib
import mmap
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from brand.queries import operator

# Characters of a hexadecimal SHA-1.
HASH_LENGTH = 40
# Shorter words are part of many good passwords.
SHORTEST_WORD = 4
# As many characters must remain without the name as MinimumLengthValidator asks for.
FEWEST_OTHERS = 8


class OperatorNameValidator:
    """Refuse a password that is little more than the operator's name."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raise `ValidationError` if less than eight characters remain without the name."""
        words = [word for word in operator().name.casefold().split() if len(word) >= SHORTEST_WORD]
        rest = password.casefold()
        for word in words:
            rest = rest.replace(word, "")
        has_name = rest != password.casefold()
        if has_name and len(rest) < FEWEST_OTHERS:
            raise ValidationError(_("The password is too similar to our name."), code="operator")

    def get_help_text(self) -> str:
        return _("Your password can't be too similar to our name.")


class LeakedPasswordValidator:
    """Refuse passwords in a file of leaked ones.

    The file has a line for each password: its SHA-1 in upper-case hexadecimal, then anything, such
    as a colon and a count. The lines are sorted. The search reads about thirty lines, and nothing
    leaves the machine.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def validate(self, password: str, user: Any = None) -> None:
        """Raise `ValidationError` if the password is in the file."""
        # SHA-1 is the format of the published lists. Nothing is stored by it.
        digest = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
        if self._contains(digest.encode()):
            raise ValidationError(
                _("This password has appeared in a data leak. Choose another one."), code="leaked"
            )

    def get_help_text(self) -> str:
        return _("Your password can't be one that has appeared in a data leak.")

    def _contains(self, digest: bytes) -> bool:
        with (
            self._path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as lines,
        ):
            low, high = 0, len(lines)
            while low < high:
                begin = lines.rfind(b"\n", 0, (low + high) // 2) + 1
                found = lines[begin : begin + HASH_LENGTH]
                if found == digest:
                    return True
                end = lines.find(b"\n", begin)
                if found < digest:
                    low = end + 1 if end >= 0 else high
                else:
                    high = begin
            return False
