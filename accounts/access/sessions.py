"""Sign-ins: when they end, where an account is signed in, and signing out elsewhere.

A sign-in ends after a while without a request, and at the latest after a fixed time, whatever
happens (ASVS 5.0, 7.3.1 and 7.3.2). Both times are settings.
"""

import time
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.timezone import now

from accounts.access import events
from accounts.models import SignIn, User

log = structlog.get_logger(__name__)
STARTED_KEY, SEEN_KEY = "signed_in_at", "seen_at"
# In seconds. The time of the last request is written at most this often.
SEEN_INTERVAL = 60


def connect() -> None:
    """Listen to Django's signals of sign-in and sign-out."""
    user_logged_in.connect(store_sign_in, dispatch_uid="accounts.store_sign_in")
    user_logged_out.connect(store_sign_out, dispatch_uid="accounts.store_sign_out")


def store_sign_in(request: HttpRequest, user: User, **_signal: Any) -> None:
    """Note a new sign-in; a receiver of Django's `user_logged_in`."""
    request.session[STARTED_KEY] = request.session[SEEN_KEY] = int(time.time())
    SignIn.objects.update_or_create(
        session_key=_saved_key(request),
        defaults={"account": user, **events.origin_of(request)},
    )
    events.record(user, events.Kind.SIGNED_IN, request=request)


def store_sign_out(request: HttpRequest, user: User | None, **_signal: Any) -> None:
    """Note the end of a sign-in; a receiver of Django's `user_logged_out`."""
    if user is None:
        return
    _end(SignIn.objects.filter(session_key=request.session.session_key or ""))
    kind = events.Kind.EXPIRED if is_expired(request) else events.Kind.SIGNED_OUT
    events.record(user, kind, request=request)


def end_if_expired(request: HttpRequest) -> None:
    """Sign the browser out if its sign-in is over. Otherwise note the time of this request."""
    if SEEN_KEY not in request.session:
        return
    if is_expired(request):
        logout(request)
    elif time.time() - request.session[SEEN_KEY] >= SEEN_INTERVAL:
        request.session[SEEN_KEY] = int(time.time())


def is_expired(request: HttpRequest) -> bool:
    """Return whether this browser's sign-in is over, by its last request or by its beginning."""
    at = time.time()
    seen: float = request.session.get(SEEN_KEY, at)
    started: float = request.session.get(STARTED_KEY, at)
    is_idle: bool = at - seen >= settings.SIGN_IN_IDLE
    return is_idle or at - started >= settings.SIGN_IN_LIFETIME


def open_sign_ins(account: User) -> QuerySet[SignIn]:
    """Return the sign-ins whose session Django still has, the latest first."""
    sessions = Session.objects.filter(expire_date__gt=now()).values("session_key")
    is_open = {"ended_at": None, "session_key__in": sessions}
    return account.sign_ins.filter(**is_open).order_by("-started_at")


def end_sign_ins(account: User, *, but: str = "") -> int:
    """End the account's sessions except the one with this key, and return how many ended."""
    return len(end_found(account.sign_ins.exclude(session_key=but)))


def end_found(sign_ins: QuerySet[SignIn]) -> list[SignIn]:
    """End those of these sign-ins that have not ended, and return them."""
    with transaction.atomic():
        ended = list(sign_ins.filter(ended_at=None).select_related("account"))
        keys = [sign_in.session_key for sign_in in ended]
        Session.objects.filter(session_key__in=keys).delete()
        _end(SignIn.objects.filter(session_key__in=keys))
    return ended


def end_joined_identities(account: User) -> None:
    """End the sign-ins with a provider that were joined with the old password.

    Whoever had stolen the password may have added their own identity. The identity that an account
    was made for stays: its owner may have no other way in.
    """
    ended, _by_model = account.oidc_identities.filter(is_joined=True).delete()
    if ended:
        log.info("joined identities ended", account=account.pk)


def end_others(request: HttpRequest, account: User) -> int:
    """Sign the account out everywhere but in this browser."""
    ended = end_sign_ins(account, but=request.session.session_key or "")
    events.record(account, events.Kind.ENDED, request=request)
    return ended


def end_all_by_staff(account: User, *, actor: User) -> int:
    """Sign the account out everywhere. Its owner sees that support did it."""
    ended = end_sign_ins(account)
    events.record(account, events.Kind.ENDED_BY_STAFF, actor=actor)
    log.info("sessions ended by staff", account=account.pk, actor=actor.pk, ended=ended)
    return ended


def follow(request: HttpRequest, *, old_key: str) -> None:
    """Keep the sign-in of a session that has got a new key."""
    SignIn.objects.filter(session_key=old_key).update(session_key=_saved_key(request))


def _saved_key(request: HttpRequest) -> str:
    """Return the key of the session's row. It has none until it is saved."""
    request.session.save()
    return request.session.session_key or ""


def _end(sign_ins: QuerySet[SignIn]) -> None:
    sign_ins.filter(ended_at=None).update(ended_at=now())
