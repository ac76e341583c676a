"""Asking again, before an important change, who sits at a device that is signed in.

A sign-in, the right password, or a code that went to a proven address of the account is remembered
for REENTRY_MINUTES in this session.

Source: ASVS 5.0, 7.5.1.
"""

import time
from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest

from accounts.access import guessing
from accounts.domain import codes
from accounts.models import User
from accounts.states import Purpose

SESSION_KEY = "asked_again_at"


class WrongPassword(Exception):
    """This is not the account's password."""


def connect() -> None:
    """Listen to Django's signal of a sign-in: whoever has just signed in is not asked again."""
    user_logged_in.connect(note_sign_in, dispatch_uid="accounts.domain.reentry.note_sign_in")


def note_sign_in(request: HttpRequest, **_signal: Any) -> None:
    """Remember the sign-in; a receiver of Django's `user_logged_in`."""
    _remember(request)


def is_fresh(request: HttpRequest) -> bool:
    """Return whether this browser has proven lately that its customer sits at it."""
    asked_at: float = request.session.get(SESSION_KEY, 0)
    lasts: int = settings.REENTRY_MINUTES * 60
    return time.time() - asked_at < lasts


def by_password(request: HttpRequest, account: User, password: str) -> None:
    """Accept the account's password.

    Raises `WrongPassword`, `accounts.access.limiter.Locked` or `moportal.web.gate.Busy`.
    """
    if not guessing.check_again(account, password):
        raise WrongPassword
    _remember(request)


def by_code(request: HttpRequest, account: User, typed: str) -> None:
    """Accept a code that went to a proven address.

    Raises `accounts.domain.codes.WrongCode` or `accounts.domain.codes.CodeOver`.
    """
    asked = codes.check_code(request, Purpose.REENTER, typed, account=account)
    if not codes.is_still_proven(asked) or not codes.use(asked):
        raise codes.CodeOver
    codes.forget(request, Purpose.REENTER)
    _remember(request)


def _remember(request: HttpRequest) -> None:
    request.session[SESSION_KEY] = int(time.time())
