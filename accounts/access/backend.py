"""How a password is checked at both doors, the portal's and the desk's."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from accounts.access import guessing, limiter
from accounts.access.hashing import GATE
from accounts.identifier import normalise
from accounts.models import User


class CountingBackend(ModelBackend):
    """Django's backend behind the limiter and the gate: count first, then wait, then compare."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **others: Any,
    ) -> User | None:
        """Return the user, or None.

        Raises `accounts.access.limiter.Locked` or `moportal.web.gate.Busy`.
        """
        if username is None or password is None:
            return None
        counter = guessing.count_attempt(request, normalise(username), password)
        with GATE.enter():
            user = super().authenticate(request, username, password, **others)
        if not isinstance(user, User):
            return None
        limiter.forget(password, counter)
        return user
