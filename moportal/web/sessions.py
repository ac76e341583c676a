"""Sessions: a row for somebody who is signed in, the signed cookie itself for anybody else.

Therefore a visitor who is not signed in writes nothing to the database. Such a session holds
little: the visit, the market, the chosen language and pending messages. Signing in makes a row with
a new key, and signing out deletes it.
"""

import re
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY as ACCOUNT_KEY
from django.contrib.messages.storage.session import SessionStorage
from django.contrib.sessions.backends import db
from django.core import signing

SALT = "moportal.sessions"
# In bytes. With the longest kept form, the headers of an answer stay below nginx's buffer of 8 KB.
LARGEST_COOKIE = 2048


class SessionStore(db.SessionStore):
    """Keeps the session in the database or in its own cookie, by whether somebody is signed in."""

    def _validate_session_key(self, key: str | None) -> bool:
        # A cookie may hold anything; PostgreSQL rejects a NUL in a query.
        is_signed = key and re.fullmatch(rf"[A-Za-z0-9_.:-]{{33,{LARGEST_COOKIE}}}", key)
        return _is_row(key) or bool(is_signed)

    def load(self) -> dict[str, Any]:
        if _is_row(self.session_key):
            return super().load()
        try:
            data: dict[str, Any] = signing.loads(
                self.session_key or "", salt=SALT, max_age=settings.SESSION_COOKIE_AGE
            )
        except signing.BadSignature:
            self._session_key = None
            return {}
        return data

    def save(self, must_create: bool = False) -> None:  # noqa: FBT001, FBT002 -- Django's own
        data = dict(self.items())
        if ACCOUNT_KEY not in data:
            self._session_key = _sign(data)
        elif _is_row(self.session_key):
            super().save(must_create=must_create)
        else:
            # This finds a key that is free and calls `save` with it.
            super().create()

    def create(self) -> None:
        """Drop the key. The next `save` makes a new one, and a row if somebody is signed in."""
        self._session_key = None
        self.modified = True

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if _is_row(key):
            super().delete(key)


def _is_row(key: str | None) -> bool:
    return bool(key and re.fullmatch(r"[a-z0-9]{32}", key))


def _sign(data: dict[str, Any]) -> str:
    """Return the session as a signed text. Messages are dropped if they make it too long."""
    signed = signing.dumps(data, salt=SALT, compress=True)
    if len(signed) <= LARGEST_COOKIE:
        return signed
    short = {name: value for name, value in data.items() if name != SessionStorage.session_key}
    return signing.dumps(short, salt=SALT, compress=True)
