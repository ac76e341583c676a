"""The recovery code: the way back in without mail, phone or staff.

A code is shown once and works once. It has 16 characters of an alphabet without vowels and
look-alikes, so nobody guesses it, and it can be copied by hand (ASVS 5.0, 6.5.1 to 6.5.5).
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial

import structlog
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest
from django.utils.timezone import now

from accounts.access import sessions
from accounts.access.events import Kind
from accounts.access.hashing import GATE
from accounts.domain.announcing import COMING_BACK, announce
from accounts.identifier import normalise
from accounts.models import RecoveryCode, User
from moportal.sealed import SealKeyMissing, digest, seal, unseal
from moportal.text.normal_text import normalise_text

log = structlog.get_logger(__name__)
ALPHABET = "BCDFGHJKMNPQRSTVWXZ23456789"
GROUPS, GROUP_LENGTH = 4, 4
SESSION_KEY = "recovery_code"


# This many hexadecimal digits of a digest find a code, and do not reveal it.
MARK_LENGTH = 6


class WrongCode(Exception):
    """No customer has this identifier and code."""


@dataclass(frozen=True)
class Found:
    """The account of a typed code. `use` uses the code up, and returns False if it was used."""

    account: User
    use: Callable[[], bool]
    # The event that is stored when the code recovers the account.
    kind: Kind


CodeCheck = Callable[[Sequence[User], str], Found | None]
_other_ways: list[CodeCheck] = []


def renew_code(account: User) -> str:
    """Give the account a new code in place of the old one, and return it."""
    groups = ["".join(secrets.choice(ALPHABET) for _ in range(GROUP_LENGTH)) for _ in range(GROUPS)]
    code = "-".join(groups)
    with GATE.enter():
        stored = make_password(normalise_code(code))
    columns = {"hash": stored, "mark": _mark(normalise_code(code)), "created_at": now()}
    RecoveryCode.objects.update_or_create(account=account, defaults=columns)
    return code


def recover(request: HttpRequest, identifier: str, *, code: str, password: str) -> User:
    """Set a new password for the holder of a code, and end the account's sessions.

    Raises `WrongCode`, or Django's `ValidationError` for a weak password; the code stays then.
    """
    accounts = accounts_of(normalise(identifier))
    for way in ways():
        if found := way(accounts, code):
            finish(request, found, password=password)
            return found.account
    raise WrongCode


def ways() -> list[CodeCheck]:
    """Return the functions that compare what was typed at `/recover/`, in this order.

    Each takes the accounts that an identifier may mean and what was typed. It returns what it
    found, or None. A code of another kind is added by `register_way`.
    """
    return [*_other_ways, _find_by_recovery_code]


def register_way(way: CodeCheck) -> None:
    """Let another kind of code open `/recover/` too, such as one that staff have issued."""
    _other_ways.append(way)


def accounts_of(username: str) -> list[User]:
    """Return the customers who sign in with this, or did until another account proved it."""
    is_theirs = Q(username=username) | Q(
        addresses__value=username, addresses__lost_at__isnull=False
    )
    return list(User.objects.filter(is_theirs, is_staff=False, is_active=True).distinct())


def _find_by_recovery_code(accounts: Sequence[User], typed: str) -> Found | None:
    code = normalise_code(typed)
    stored = RecoveryCode.objects.filter(account__in=accounts, mark=_mark(code))
    row = stored.select_related("account").first()
    with GATE.enter():
        # An unknown identifier costs as much time as a known one.
        is_right = check_password(code, row.hash if row else _dummy_hash())
    return Found(row.account, partial(_use, row), Kind.RECOVERED) if row and is_right else None


def _use(row: RecoveryCode) -> bool:
    # Of two concurrent requests with the same code one deletes it, and the other is refused.
    deleted, _by_model = RecoveryCode.objects.filter(pk=row.pk, hash=row.hash).delete()
    return bool(deleted)


def finish(request: HttpRequest, found: Found, *, password: str) -> None:
    """Set the password, use the code up, end all sessions, and tell all addresses.

    Raises `WrongCode` if the code was used meanwhile, or `ValidationError` for a weak password.
    """
    account = found.account
    validate_password(normalise_text(password), account)
    with GATE.enter():
        account.set_password(password)
    with transaction.atomic():
        if not found.use():
            raise WrongCode
        account.save(update_fields=["password"])
        sessions.end_sign_ins(account)
        sessions.end_joined_identities(account)
        announce(account, found.kind, request=request)
    request.META[COMING_BACK] = True
    log.info("recovered", account=account.pk, by=found.kind)


def _mark(code: str) -> str:
    return digest(f"recovery code {code}")[:MARK_LENGTH]


def show_once(request: HttpRequest, code: str) -> None:
    """Keep the code in the session, sealed, until its owner has seen it and goes on."""
    request.session[SESSION_KEY] = seal(code)


def code_to_show(request: HttpRequest) -> str | None:
    sealed = request.session.get(SESSION_KEY)
    try:
        return unseal(sealed) if sealed else None
    except SealKeyMissing:
        # Its owner gets a new code in the account.
        return None


def forget_shown(request: HttpRequest) -> None:
    request.session.pop(SESSION_KEY, None)


def normalise_code(code: str) -> str:
    """Return the code without what people add or change when they copy it."""
    return "".join(char for char in normalise_text(code).upper() if char in ALPHABET)


@cache
def _dummy_hash() -> str:
    return make_password("no code")
