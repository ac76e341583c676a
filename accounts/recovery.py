"""The recovery code: the way back in without mail, phone or staff.

A code is shown once and works once. It has 16 characters of an alphabet without vowels and
look-alikes, so nobody guesses it, and it can be copied by hand (ASVS 5.0, 6.5.1 to 6.5.5).
"""

import secrets
from functools import cache

import structlog
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.db import transaction
from django.http import HttpRequest
from django.utils.timezone import now

from accounts import events, sessions
from accounts.hashing import GATE
from accounts.identifier import normalise
from accounts.models import RecoveryCode, User
from moportal.sealed import seal, unseal
from moportal.text.normal_text import normalise_text

log = structlog.get_logger(__name__)
ALPHABET = "BCDFGHJKMNPQRSTVWXZ23456789"
GROUPS, GROUP_LENGTH = 4, 4
SESSION_KEY = "recovery_code"


class WrongCode(Exception):
    """No customer has this identifier and code."""


def renew_code(account: User) -> str:
    """Give the account a new code in place of the old one, and return it."""
    groups = ["".join(secrets.choice(ALPHABET) for _ in range(GROUP_LENGTH)) for _ in range(GROUPS)]
    code = "-".join(groups)
    with GATE.enter():
        stored = make_password(normalise_code(code))
    RecoveryCode.objects.update_or_create(
        account=account, defaults={"hash": stored, "created_at": now()}
    )
    return code


def recover(request: HttpRequest, identifier: str, *, code: str, password: str) -> User:
    """Set a new password for the holder of the code, and end the account's sessions.

    Raises `WrongCode`, or Django's `ValidationError` for a weak password; the code stays then.
    """
    username = normalise(identifier)
    stored = RecoveryCode.objects.filter(account__username=username, account__is_staff=False)
    found = stored.select_related("account").first()
    with GATE.enter():
        # An unknown identifier costs as much time as a known one.
        is_right = check_password(normalise_code(code), found.hash if found else _dummy_hash())
    if found is None or not is_right or not found.account.is_active:
        raise WrongCode
    account = found.account
    validate_password(normalise_text(password), account)
    with GATE.enter():
        account.set_password(password)
    _store(account, found, request)
    return account


def _store(account: User, used: RecoveryCode, request: HttpRequest) -> None:
    with transaction.atomic():
        # Of two concurrent requests with the same code one deletes it, and the other is refused.
        deleted, _by_model = RecoveryCode.objects.filter(pk=used.pk, hash=used.hash).delete()
        if not deleted:
            raise WrongCode
        account.save(update_fields=["password"])
        sessions.end_sign_ins(account)
        events.record(account, events.Kind.RECOVERED, request=request)
    log.info("recovered", account=account.pk)


def show_once(request: HttpRequest, code: str) -> None:
    """Keep the code in the session, sealed, until its owner has seen it and goes on."""
    request.session[SESSION_KEY] = seal(code)


def code_to_show(request: HttpRequest) -> str | None:
    sealed = request.session.get(SESSION_KEY)
    return unseal(sealed) if sealed else None


def forget_shown(request: HttpRequest) -> None:
    request.session.pop(SESSION_KEY, None)


def normalise_code(code: str) -> str:
    """Return the code without what people add or change when they copy it."""
    return "".join(char for char in normalise_text(code).upper() if char in ALPHABET)


@cache
def _dummy_hash() -> str:
    return make_password("no code")
