"""Secrets in the database: encrypted with keys that can be changed, compared by a keyed digest.

They are matching ids, with which anyone can download a profile, and tokens of cards.
"""

import hashlib
import hmac
from functools import cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models


@cache
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def seal(text: str) -> str:
    """Encrypt with the newest key."""
    return _fernet(tuple(settings.SEAL_KEYS)).encrypt(text.encode()).decode("ascii")


def unseal(sealed: str) -> str:
    """Decrypt with whichever key fits, or raise `cryptography.fernet.InvalidToken`."""
    return _fernet(tuple(settings.SEAL_KEYS)).decrypt(sealed.encode("ascii")).decode()


def is_sealed_with_newest_key(sealed: str) -> bool:
    """Return whether the text stays readable when all keys but the newest are removed."""
    try:
        _fernet(tuple(settings.SEAL_KEYS[:1])).decrypt(sealed.encode("ascii"))
    except InvalidToken:
        return False
    return True


def reseal(sealed: str) -> str:
    """Encrypt again with the newest key. Raises `cryptography.fernet.InvalidToken`."""
    return _fernet(tuple(settings.SEAL_KEYS)).rotate(sealed.encode("ascii")).decode("ascii")


def digest(text: str) -> str:
    """Return the text's HMAC-SHA-256 in hexadecimal. Only a holder of the key can compute it."""
    return hmac.new(settings.DIGEST_KEY.encode(), text.encode(), hashlib.sha256).hexdigest()


class SealedField(models.TextField[str, str]):
    """A text that is encrypted in the database and plain in Python. An empty text stays empty.

    A column NAME_digest of the same model must hold the digest of the column NAME.
    """

    def from_db_value(self, value: str | None, *_args: Any) -> str | None:
        return unseal(value) if value else value

    def get_prep_value(self, value: str | None) -> str | None:
        return seal(value) if value else value
