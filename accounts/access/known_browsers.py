"""The cookie of a browser in which accounts have signed in before.

It names no session and opens nothing. It only gives the browser a count of its own
(`accounts.access.guessing`), so it stays when the customer leaves.
"""

import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.core import signing
from django.http import HttpRequest, HttpResponse

from accounts.models import User
from moportal.sealed import digest

SALT = "accounts.known_browsers"
# In seconds.
LIFETIME = 180 * 24 * 3600
MOST_ACCOUNTS = 5
# The account that signs in by this request.
ACCOUNT_KEY = "accounts.signed_in"


def connect() -> None:
    """Listen to Django's signal of a sign-in."""
    user_logged_in.connect(note_sign_in, dispatch_uid="accounts.note_sign_in")


def browser_of(request: HttpRequest, account: User) -> str | None:
    """Return this browser's id if the account has signed in here before."""
    known = _read(request)
    return known["browser"] if _mark(account) in known["accounts"] else None


def has_signed_in(request: HttpRequest) -> bool:
    """Return whether any account has signed in with this browser before."""
    return bool(_read(request)["accounts"])


def note_sign_in(request: HttpRequest, user: User, **_signal: Any) -> None:
    """Let the middleware write the cookie; a receiver of Django's `user_logged_in`."""
    request.META[ACCOUNT_KEY] = user


def write_cookie(response: HttpResponse, request: HttpRequest) -> None:
    """Note in the browser which account has signed in here, besides the last four others."""
    account = request.META.get(ACCOUNT_KEY)
    if account is None:
        return
    known = _read(request)
    others = [mark for mark in known["accounts"] if mark != _mark(account)]
    known["accounts"] = [_mark(account), *others][:MOST_ACCOUNTS]
    response.set_cookie(
        settings.BROWSER_COOKIE_NAME,
        signing.dumps(known, salt=SALT),
        max_age=LIFETIME,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _read(request: HttpRequest) -> dict[str, Any]:
    try:
        known: dict[str, Any] = signing.loads(
            request.COOKIES.get(settings.BROWSER_COOKIE_NAME, ""), salt=SALT, max_age=LIFETIME
        )
    except signing.BadSignature:
        return {"browser": secrets.token_hex(8), "accounts": []}
    return known


def _mark(account: User) -> str:
    # A reader of the cookie must not learn an account's number.
    return digest(f"browser {account.pk}")[:16]
