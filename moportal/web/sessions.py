"""Sessions in the database, only for keys of the form that Django makes."""

import re

from django.contrib.sessions.backends import db


class SessionStore(db.SessionStore):
    """Refuses malformed keys. A cookie may hold anything; PostgreSQL rejects a NUL in a query."""

    def _validate_session_key(self, key: str | None) -> bool:
        return bool(key and re.fullmatch(r"[a-z0-9]{32}", key))
