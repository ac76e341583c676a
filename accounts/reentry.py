"""Asking again, before something important, who is sitting at a device that is signed in.

The right password, or a code that went to an address of the account, is remembered for
REENTRY_MINUTES in this session.

Source: ASVS 5.0, 7.5.1.
"""

import time

from django.conf import settings
from django.http import HttpRequest

from accounts import codes, guessing
from accounts.models import User
from accounts.states import Purpose

SESSION_KEY = "asked_again_at"


class WrongPassword(Exception):
    """This is not the account's password."""


def is_fresh(request: HttpRequest) -> bool:
    """Return whether this browser has proven lately that its customer sits at it."""
    asked_at: float = request.session.get(SESSION_KEY, 0)
    lasts: int = settings.REENTRY_MINUTES * 60
    return time.time() - asked_at < lasts


def by_password(request: HttpRequest, account: User, password: str) -> None:
    """Accept the account's password.

    Raises `WrongPassword`, `accounts.limiter.Locked` or `moportal.web.gate.Busy`.
    """
    if not guessing.check_again(account, password):
        raise WrongPassword
    _remember(request)


def by_code(request: HttpRequest, account: User, typed: str) -> None:
    """Accept a code that went to a proven address.

    Raises `accounts.codes.WrongCode` or `accounts.codes.CodeOver`.
    """
    asked = codes.check_code(request, Purpose.REENTER, typed, account=account)
    if not codes.use(asked):
        raise codes.CodeOver
    codes.forget(request, Purpose.REENTER)
    _remember(request)


def _remember(request: HttpRequest) -> None:
    request.session[SESSION_KEY] = int(time.time())
