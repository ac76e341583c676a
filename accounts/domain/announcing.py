"""Security messages: what happened to an account's access, told to all of its addresses."""

import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest
from django.utils.timezone import now

from accounts.access import events
from accounts.access.devices import describe_device
from accounts.access.known_browsers import browser_of
from accounts.domain.telling import tell
from accounts.models import User
from messages.states import Occasion

Kind = events.Kind
OCCASIONS = {
    Kind.PASSWORD_CHANGED: Occasion.PASSWORD_CHANGED,
    Kind.PASSWORD_SET: Occasion.PASSWORD_SET,
    Kind.RECOVERED: Occasion.RECOVERED,
    Kind.RECOVERED_BY_CODE: Occasion.RECOVERED,
    Kind.SUPPORT_RECOVERED: Occasion.RECOVERED,
    Kind.SUPPORT_STARTED: Occasion.SUPPORT_RECOVERY,
    Kind.SUPPORT_REFUSED: Occasion.SUPPORT_RECOVERY,
    Kind.SUPPORT_CODE: Occasion.SUPPORT_RECOVERY,
    Kind.ADDRESS_ADDED: Occasion.ADDRESS_ADDED,
    Kind.ADDRESS_REMOVED: Occasion.ADDRESS_REMOVED,
    Kind.ADDRESS_LOST: Occasion.ADDRESS_LOST,
    Kind.IDENTIFIER_CHANGED: Occasion.IDENTIFIER_CHANGED,
    Kind.JOINED: Occasion.SIGN_IN_ADDED,
    Kind.UNLINKED: Occasion.SIGN_IN_REMOVED,
    Kind.DELETION_ASKED: Occasion.DELETION_ASKED,
    Kind.DELETION_UNDONE: Occasion.DELETION_UNDONE,
}
# Marks a request that recovers an account. Its owner is told of the recovery.
COMING_BACK = "accounts.coming_back"


def connect() -> None:
    """Listen to Django's signal of a sign-in, before the receiver that stores the sign-in."""
    user_logged_in.connect(tell_of_unknown_browser, dispatch_uid="accounts.tell_of_unknown_browser")


def announce(
    account: User,
    kind: Kind,
    *,
    request: HttpRequest | None = None,
    actor: User | None = None,
    context: Mapping[str, Any] | None = None,
) -> None:
    """Store the event, and tell all addresses of the account. Call it in the transaction."""
    event = events.record(account, kind, request=request, actor=actor)
    told = {"at": event.at, "device": event.device, **(context or {})}
    tell(account, OCCASIONS[kind], key=f"event {event.pk}", context=told)


def tell_of_unknown_browser(request: HttpRequest, user: User, **_signal: Any) -> None:
    """Tell a customer of a sign-in from a browser in which the account was never signed in.

    The first sign-in of a new account is not told. After a recovery, the recovery itself is told.
    """
    is_told_already = COMING_BACK in request.META or browser_of(request, user) is not None
    if user.is_staff or is_told_already or _is_first(user):
        return
    context = {"at": now(), "device": describe_device(request)}
    tell(user, Occasion.NEW_SIGN_IN, key=f"sign-in {uuid.uuid4().hex}", context=context)


def _is_first(account: User) -> bool:
    """Return whether the account is new. The events of an old one may have been deleted."""
    is_old = account.created_at < now() - timedelta(days=settings.SUPPORT_DAYS)
    return not is_old and not account.access_events.filter(kind=Kind.SIGNED_IN).exists()
