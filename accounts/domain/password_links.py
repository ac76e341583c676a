"""Links by which staff set their own password: for a new colleague, and after a forgotten one.

Whoever gives the link never learns the password. The link is signed, works once and for a day, and
leads to the desk. Nobody gives one to somebody with more rights, or to themselves.
"""

import hmac
import secrets
from datetime import timedelta

import structlog
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.timezone import now

from accounts.access import events, sessions
from accounts.access.hashing import GATE
from accounts.desk_states import NEXT_LINK_STATES, LinkState
from accounts.models import PasswordLink, User
from messages.domain.writing import write
from messages.states import Occasion
from moportal.database.statements import move
from moportal.sealed import digest
from moportal.text.normal_text import normalise_text

log = structlog.get_logger(__name__)
LIFETIME = timedelta(hours=24)
SALT = "accounts.password_links"
# In bytes: too many to guess.
SECRET_LENGTH = 32


class LinkOver(Exception):
    """The link is used, replaced, too old, or not a link of the desk."""


def may_give(actor: User, user: User) -> bool:
    """Return whether the actor may give this user a link.

    Whoever holds the link becomes its user. So only a superuser gives one to a superuser, and
    anybody else only to staff with no right that they lack.
    """
    if not (user.is_staff and user.is_active and actor.is_active) or actor == user:
        return False
    if actor.is_superuser:
        return True
    is_allowed = actor.has_perm("accounts.give_password_link") and not user.is_superuser
    return is_allowed and user.get_all_permissions() <= actor.get_all_permissions()


def give(user: User, *, actor: User, page: str, by_mail: bool) -> str:
    """Make a link in place of the user's older one, and return what follows the page's address.

    By mail, nothing is returned: only the user sees the link. Raises `PermissionDenied`, or
    `messages.domain.budget.NotAllowed`.
    """
    if not may_give(actor, user):
        raise PermissionDenied
    secret = secrets.token_urlsafe(SECRET_LENGTH)
    link = PasswordLink(
        user=user,
        issued_by=actor,
        digest=digest(secret),
        is_mailed=by_mail,
        expires_at=now() + LIFETIME,
    )
    with transaction.atomic():
        _insert(link)
        events.record(user, events.Kind.LINK_GIVEN, actor=actor)
        token = signing.dumps([link.pk, secret], salt=SALT)
        if by_mail:
            _write_mail(link, page, token)
    log.info("password link given", account=user.pk, actor=actor.pk, by_mail=by_mail)
    return "" if by_mail else token


def _insert(link: PasswordLink) -> None:
    """Store the link, and withdraw the older ones."""
    # Two administrators at once: the second waits here for the first.
    User.objects.select_for_update().get(pk=link.user_id)
    for old in PasswordLink.objects.filter(user=link.user_id, state=LinkState.OPEN):
        move(old, NEXT_LINK_STATES, LinkState.WITHDRAWN, ended_at=now())
    link.save(force_insert=True)


def _write_mail(link: PasswordLink, page: str, token: str) -> None:
    write(
        Occasion.PASSWORD_LINK,
        key=f"password-link-{link.pk}",
        address=link.user.username,
        language=link.user.language or settings.LANGUAGE_CODE,
        context={"name": link.user.name, "page": page, "hours": LIFETIME // timedelta(hours=1)},
        # Sealed, like a one-time code: staff who read messages at the desk do not see it.
        code=token,
        lapses_at=link.expires_at,
    )


def find(token: str) -> PasswordLink:
    """Return the open link with this token, or raise `LinkOver`."""
    try:
        pk, secret = signing.loads(token, salt=SALT, max_age=LIFETIME)
    except (signing.BadSignature, ValueError) as error:
        raise LinkOver from error
    found = PasswordLink.objects.select_related("user", "issued_by")
    link = found.filter(pk=pk, state=LinkState.OPEN, expires_at__gt=now()).first()
    if link is None or not hmac.compare_digest(link.digest, digest(secret)):
        raise LinkOver
    # The user may have got more rights since, or the one who gave the link may have lost some.
    if not may_give(link.issued_by, link.user):
        raise LinkOver
    return link


def set_password(token: str, password: str) -> User:
    """Set the password of the link's user, and end the user's sessions.

    Raises `LinkOver`, Django's `ValidationError` for a weak password, or `moportal.web.gate.Busy`.
    Then the link works on.
    """
    link = find(token)
    user = link.user
    validate_password(normalise_text(password), user)
    with GATE.enter():
        user.set_password(password)
    with transaction.atomic():
        # Of two concurrent requests with one link one sets the password.
        if not move(link, NEXT_LINK_STATES, LinkState.USED, ended_at=now()):
            raise LinkOver
        user.save(update_fields=["password"])
        sessions.end_sign_ins(user)
        events.record(user, events.Kind.LINK_USED)
    log.info("password set by link", account=user.pk)
    return user
