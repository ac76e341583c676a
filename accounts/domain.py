"""What can happen to a customer's account."""

from django.contrib.auth import authenticate
from django.contrib.auth.password_validation import validate_password
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from accounts.identifier import normalised
from accounts.models import User


class IdentifierTaken(Exception):
    """An account with this e-mail address or phone number is already there."""


class WrongCredentials(Exception):
    """No customer signs in with this identifier and password."""


def sign_up(identifier: str, *, name: str, password: str, language: str) -> User:
    """Make a customer's account; no code by mail or SMS is needed to go on.

    Raises `IdentifierTaken`, or Django's `ValidationError` for a password that is too easy.
    """
    validate_password(password, User(username=normalised(identifier), name=name))
    try:
        with transaction.atomic():
            return User.objects.create_user(identifier, password, name=name, language=language)
    except IntegrityError as error:
        raise IdentifierTaken from error


def sign_in(identifier: str, *, password: str, request: HttpRequest | None = None) -> User:
    """Return the customer, or raise `WrongCredentials`: also for staff, whose door is another.

    The request only travels on to those who hear Django's signal of a failed sign-in.
    """
    user = authenticate(request, username=normalised(identifier), password=password)
    if not isinstance(user, User) or user.is_staff:
        raise WrongCredentials
    return user
