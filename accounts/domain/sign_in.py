"""Sign-up and sign-in."""

import structlog
from django.contrib.auth import authenticate, update_session_auth_hash
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.password_validation import validate_password
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from accounts.access import events, guessing, sessions
from accounts.access.hashing import GATE
from accounts.domain import recovery
from accounts.domain.announcing import announce
from accounts.identifier import normalise
from accounts.models import User
from moportal.text.normal_text import normalise_text

log = structlog.get_logger(__name__)


class IdentifierTaken(Exception):
    """An account with this email address or phone number already exists."""


class WrongCredentials(Exception):
    """No customer has this identifier and password."""


class HasPassword(Exception):
    """The account has a password already, so only its owner replaces it."""


def sign_up(identifier: str, *, name: str, password: str, language: str) -> User:
    """Create a customer's account. No code by mail or SMS is needed.

    Raises `IdentifierTaken`, Django's `ValidationError` for a weak password, or
    `moportal.web.gate.Busy`.
    """
    validate_password(normalise_text(password), User(username=normalise(identifier), name=name))
    try:
        with GATE.enter(), transaction.atomic():
            user = User.objects.create_user(identifier, password, name=name, language=language)
            events.record(user, events.Kind.SIGNED_UP)
    except IntegrityError as error:
        raise IdentifierTaken from error
    return user


def change_password(request: HttpRequest, user: User, *, current: str, new: str) -> None:
    """Set a new password and end the account's other sessions.

    Raises `WrongCredentials` if the current password is wrong, `accounts.access.limiter.Locked`
    after too many wrong ones, or Django's `ValidationError` for a weak new one.
    """
    if not guessing.check_again(user, current):
        raise WrongCredentials
    validate_password(normalise_text(new), user)
    with GATE.enter():
        user.set_password(new)
    with transaction.atomic():
        user.save(update_fields=["password"])
        _end_elsewhere(request, user)
        announce(user, events.Kind.PASSWORD_CHANGED, request=request)
    log.info("password changed", account=user.pk)


def set_first_password(request: HttpRequest, user: User, *, new: str) -> None:
    """Set the password of an account that has none, and end the account's other sessions.

    Such an account was created by a sign-in with the operator's provider. The caller has asked
    again who it is (`accounts.domain.reentry`). Raises `HasPassword`, or Django's
    `ValidationError` for a weak password.
    """
    validate_password(normalise_text(new), user)
    with GATE.enter():
        user.set_password(new)
    with transaction.atomic():
        # The owner may have set one since the page was shown. It must not be replaced here, where
        # nobody has typed it.
        without = User.objects.filter(pk=user.pk, password__startswith=UNUSABLE_PASSWORD_PREFIX)
        if not without.update(password=user.password):
            raise HasPassword
        _end_elsewhere(request, user)
        announce(user, events.Kind.PASSWORD_SET, request=request)
    log.info("first password set", account=user.pk)


def _end_elsewhere(request: HttpRequest, user: User) -> None:
    """Let only this browser stay signed in, because the account has a new password."""
    old_key = request.session.session_key or ""
    # Django gives this session a new key, so that a stolen one opens nothing any more.
    update_session_auth_hash(request, user)
    sessions.follow(request, old_key=old_key)
    sessions.end_others(request, user)
    sessions.end_joined_identities(user)


def renew_recovery_code(request: HttpRequest, user: User, *, current: str) -> str:
    """Return a new recovery code in place of the old one.

    Raises `WrongCredentials` if the current password is wrong, or `accounts.access.limiter.Locked`.
    """
    if not guessing.check_again(user, current):
        raise WrongCredentials
    code = recovery.renew_code(user)
    events.record(user, events.Kind.CODE_RENEWED, request=request)
    log.info("recovery code renewed", account=user.pk)
    return code


def signed_in_customer(request: HttpRequest) -> User | None:
    """Return the customer who is signed in. Staff count as signed out in the portal."""
    user = request.user
    return user if isinstance(user, User) and not user.is_staff else None


def sign_in(identifier: str, *, password: str, request: HttpRequest | None = None) -> User:
    """Return the customer. Staff cannot sign in here.

    Raises `WrongCredentials`, `accounts.access.limiter.Locked` or `moportal.web.gate.Busy`.
    """
    username = normalise(identifier)
    user = authenticate(request, username=username, password=password)
    if not isinstance(user, User):
        if known := User.objects.filter(username=username, is_staff=False).first():
            events.record_refusal(known, request=request)
        raise WrongCredentials
    if user.is_staff:
        log.warning("sign-in refused", account=user.pk, reason="staff sign in at the desk")
        raise WrongCredentials
    return user
