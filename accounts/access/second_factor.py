"""The second factor of staff: a code of six digits from an authenticator app (RFC 6238).

Somebody who has only typed the password counts as signed out, on every page of the desk.
"""

import base64
import re
import secrets
from datetime import timedelta
from urllib.parse import quote, urlencode

import structlog
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils.timezone import now
from django_otp.oath import TOTP

from accounts.access import events, limiter, sessions
from accounts.access.limiter import Counter, Limit
from accounts.models import Authenticator, User

log = structlog.get_logger(__name__)
SESSION_KEY = "second_factor"
# As RFC 4226 advises for the key (section 4, R6).
KEY_BYTES = 20
# The clock of a phone may be wrong by one step of 30 seconds (RFC 6238, section 5.2).
TOLERANCE = 1
CODE = re.compile("[0-9]{6}")
LIMIT = Limit("second factor", 5, timedelta(minutes=15))


class WrongCode(Exception):
    """The code is not the one that the app shows now, or it was used already."""


def is_missing(request: HttpRequest) -> bool:
    """Return whether this member of staff has typed the password only."""
    user = request.user
    if not settings.SECOND_FACTOR or not user.is_staff:
        return False
    return request.session.get(SESSION_KEY) != user.pk


def authenticator_of(user: User) -> Authenticator:
    """Return the app of this member of staff. It is a new one until its first code has come."""
    found, _ = Authenticator.objects.get_or_create(
        user=user, defaults={"key": base64.b32encode(secrets.token_bytes(KEY_BYTES)).decode()}
    )
    return found


def address_of(authenticator: Authenticator, *, issuer: str) -> str:
    """Return what the QR code says to the app (Key Uri Format of Google Authenticator)."""
    name = quote(f"{issuer}:{authenticator.user.username}", safe=":@")
    return f"otpauth://totp/{name}?{urlencode({'secret': authenticator.key, 'issuer': issuer})}"


def check(request: HttpRequest, user: User, code: str) -> None:
    """Let the session in with this code. The first right code confirms a new app.

    Raises `WrongCode` or `Locked`. A code works once.
    """
    counter = Counter(LIMIT, f"account:{user.pk}")
    limiter.count(code, counter)
    authenticator = authenticator_of(user)
    step = _step_of(authenticator, code)
    # Race: two browsers may send the same code. One of them is let in.
    unused = Authenticator.objects.filter(pk=authenticator.pk, last_step__lt=step or 0)
    if step is None or not unused.update(
        last_step=step, confirmed_at=authenticator.confirmed_at or now()
    ):
        log.warning("second factor refused", account=user.pk)
        raise WrongCode
    limiter.forget(code, counter)
    if authenticator.confirmed_at is None:
        events.record(user, events.Kind.FACTOR_ADDED, request=request)
    old_key = request.session.session_key or ""
    request.session.cycle_key()
    sessions.follow(request, old_key=old_key)
    request.session[SESSION_KEY] = user.pk
    log.info("second factor accepted", account=user.pk)


@transaction.atomic
def reset(user: User) -> bool:
    """Forget the app of this member of staff, who signs in anew and sets up another one.

    Returns whether there was one.
    """
    deleted, _by_model = Authenticator.objects.filter(user=user).delete()
    ended = sessions.end_sign_ins(user)
    events.record(user, events.Kind.FACTOR_RESET)
    log.warning("second factor reset", account=user.pk, ended=ended)
    return bool(deleted)


def _step_of(authenticator: Authenticator, code: str) -> int | None:
    """Return the time step that the code belongs to, or None if it is wrong or was used."""
    if not CODE.fullmatch(code):
        return None
    totp = TOTP(base64.b32decode(authenticator.key))
    totp.time = now().timestamp()
    if not totp.verify(int(code), TOLERANCE, min_t=authenticator.last_step + 1):
        return None
    return int(totp.t())
