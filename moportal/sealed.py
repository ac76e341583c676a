"""Secrets in the database: encrypted with keys that can be changed, compared by a keyed digest.

They are matching ids, with which anyone can download a profile, and tokens of cards.
"""

import hashlib
import hmac
from dataclasses import dataclass
from functools import cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.models.query_utils import DeferredAttribute


class SealKeyMissing(ImproperlyConfigured):
    """No key of SEAL_KEYS opens the text: one was removed too early, or its value is wrong."""


@dataclass(frozen=True)
class Unreadable:
    """A text that no key opens, as it is in the database."""

    sealed: str


@cache
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def seal(text: str) -> str:
    """Encrypt with the newest key."""
    return _fernet(tuple(settings.SEAL_KEYS)).encrypt(text.encode()).decode("ascii")


def unseal(sealed: str) -> str:
    """Decrypt with whichever key fits, or raise `SealKeyMissing`."""
    try:
        return _fernet(tuple(settings.SEAL_KEYS)).decrypt(sealed.encode("ascii")).decode()
    except InvalidToken as error:
        raise SealKeyMissing("no key of SEAL_KEYS opens a sealed text") from error


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


class _SealedAttribute(DeferredAttribute):
    """Raises `SealKeyMissing` only where the text is used, so that a row can be read without it."""

    def __get__(self, instance: models.Model | None, cls: Any = None) -> Any:
        value = super().__get__(instance, cls)
        if isinstance(value, Unreadable):
            raise SealKeyMissing(f"no key of SEAL_KEYS opens {self.field} of {instance!r}")
        return value

    # With a setter, Python asks this attribute before the instance's own dictionary.
    def __set__(self, instance: models.Model, value: Any) -> None:
        instance.__dict__[self.field.attname] = value


class SealedField(models.TextField[str, str]):
    """A text that is encrypted in the database and plain in Python. An empty text stays empty.

    A column NAME_digest of the same model must hold the digest of the column NAME. Where a text is
    used that no key opens, `SealKeyMissing` is raised. Saving such a row keeps the text as it is.
    """

    descriptor_class = _SealedAttribute

    def from_db_value(self, value: str | None, *_args: Any) -> str | Unreadable | None:
        if not value:
            return value
        try:
            return unseal(value)
        except SealKeyMissing:
            return Unreadable(value)

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:  # noqa: FBT001 -- Django's own signature
        return model_instance.__dict__[self.attname]

    def get_prep_value(self, value: str | Unreadable | None) -> str | None:
        if isinstance(value, Unreadable):
            return value.sealed
        return seal(value) if value else value
