"""The gate before password hashing.

One hash takes a quarter of a second of all processors and 100 MB. Anybody may send passwords, so
without the gate a few senders would take every thread that serves pages.
"""

from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from accounts.models import User
from moportal.web.gate import Gate

GATE = Gate(at_once=settings.PASSWORDS_AT_ONCE, waiting=3, longest_wait=2.0)


class GatedBackend(ModelBackend):
    """Django's backend behind the gate, for customers and for staff."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> User | None:  # type: ignore[override]  # its named arguments are passed on
        """Return the user, or None. Raises `moportal.web.gate.Busy`."""
        with GATE.enter():
            return super().authenticate(request, **credentials)
