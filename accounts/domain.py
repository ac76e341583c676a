"""Sign-up and sign-in."""

import structlog
from django.contrib.auth import authenticate
from django.contrib.auth.password_validation import validate_password
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from accounts.hashing import GATE
from accounts.identifier import normalise
from accounts.models import User
from moportal.text.normal_text import normalise_text

log = structlog.get_logger(__name__)


class IdentifierTaken(Exception):
    """An account with this email address or phone number already exists."""


class WrongCredentials(Exception):
    """No customer has this identifier and password."""


def sign_up(identifier: str, *, name: str, password: str, language: str) -> User:
    """Create a customer's account. No code by mail or SMS is needed.

    Raises `IdentifierTaken`, Django's `ValidationError` for a weak password, or
    `moportal.web.gate.Busy`.
    """
    validate_password(normalise_text(password), User(username=normalise(identifier), name=name))
    try:
        with GATE.enter(), transaction.atomic():
            return User.objects.create_user(identifier, password, name=name, language=language)
    except IntegrityError as error:
        raise IdentifierTaken from error


def signed_in_customer(request: HttpRequest) -> User | None:
    """Return the customer who is signed in. Staff count as signed out in the portal."""
    user = request.user
    return user if isinstance(user, User) and not user.is_staff else None


def sign_in(identifier: str, *, password: str, request: HttpRequest | None = None) -> User:
    """Return the customer, or raise `WrongCredentials` or `moportal.web.gate.Busy`.

    Staff cannot sign in here.

    The request is only passed on to the receivers of Django's signal of a failed sign-in.
    """
    user = authenticate(request, username=normalise(identifier), password=password)
    if not isinstance(user, User):
        raise WrongCredentials
    if user.is_staff:
        log.warning("sign-in refused", account=user.pk, reason="staff sign in at the desk")
        raise WrongCredentials
    return user
