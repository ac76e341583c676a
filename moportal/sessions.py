"""Sessions in the database, for keys that Django itself could have made."""

import re

from django.contrib.sessions.backends import db


class SessionStore(db.SessionStore):
    """A cookie may hold anything; a key with a NUL in it must not reach PostgreSQL."""

    def _validate_session_key(self, key: str | None) -> bool:
        return bool(key and re.fullmatch(r"[a-z0-9]{32}", key))
