"""One-time codes: who may ask for one, and whether what was typed is the code.

- A code is for one purpose and for the visit and browser that asked. It is valid for ten minutes
  and five tries, and works once.
- Only its digest is stored. `accounts.domain.code_sending` makes the code and writes its message.
- A code for a new password goes only to a proven address. For any other address the same happens
  except the message, so the answers do not tell who has an account.
- A code never goes to a SIM in the device that asks, because whoever holds the device would have
  both.

Source: docs/contract.md#messages; NIST SP 800-63B, 5.1.3; ASVS 5.0, 6.5.1 to 6.6.3.
"""

from collections.abc import Callable, Collection
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare
from django.utils.timezone import now
from django.utils.translation import get_language

from accounts.access import events, limiter
from accounts.access.guessing import network_of
from accounts.access.known_browsers import browser_of
from accounts.access.limiter import Counter, Limit
from accounts.domain import operator_codes, recovery, typed_codes
from accounts.domain.recovery import Found, finish, normalise_code
from accounts.models import Address, CodeRequest, User
from accounts.models.codes import LIFETIME, MOST_TRIES
from accounts.states import NEXT_STATES, OPEN, USABLE, CodeState, Purpose
from moportal.database.statements import compare_and_set, move
from moportal.sealed import digest
from moportal.text.normal_text import normalise_text
from outbox.domain import enqueue

log = structlog.get_logger(__name__)
# The outbox's kind for requests.
KIND = "code"
WINDOW = timedelta(hours=1)
SESSION_KEY = "code_requests"
# Codes for these go only to an address that the account has proven.
TO_PROVEN = frozenset({Purpose.RECOVER, Purpose.REENTER})
NumbersInDevice = Callable[[HttpRequest], Collection[str]]
_numbers_in_device: list[NumbersInDevice] = []


class CodeOver(Exception):
    """There is no code that may be tried: ask for a new one."""


class WrongCode(Exception):
    """This is not the code."""

    def __init__(self, tries_left: int) -> None:
        super().__init__(tries_left)
        self.tries_left = tries_left


class CodeBeingChecked(Exception):
    """The operator's service is asked whether this is the code.

    The page waits while `accounts.domain.typed_codes.is_being_checked`. If the code was right,
    whatever this browser sends next is accepted in its place.
    """


class NumberInDevice(Exception):
    """The number's SIM is in the device that asks."""


def register_numbers_in_device(find: NumbersInDevice) -> None:
    """Set the function that finds the numbers of the SIMs in a request's device, in E.164."""
    _numbers_in_device[:] = [find]


def request_code(
    request: HttpRequest, purpose: Purpose, address: str, *, account: User | None
) -> CodeRequest:
    """Ask for a code to this address, and keep the request in the session.

    Without an account everything happens except the message. An earlier request of this browser
    for the same purpose lapses. Raises `accounts.access.limiter.Locked`, or `NumberInDevice`.
    """
    _count(request, purpose, address, account)
    if _is_in_device(request, address):
        log.warning("code refused", purpose=purpose, reason="the SIM is in the device that asks")
        if purpose != Purpose.RECOVER:
            raise NumberInDevice
        account = None

    earlier = find_request(request, purpose)
    with transaction.atomic():
        if earlier is not None:
            move(earlier, NEXT_STATES, CodeState.LAPSED, ended_at=now())
        asked = CodeRequest.objects.create(
            account=account,
            purpose=purpose,
            address=address,
            language=get_language() or settings.LANGUAGE_CODE,
            transaction_id=_transaction_id(request),
            expires_at=now() + LIFETIME,
        )
        enqueue(KIND, asked.pk)
    _keep(request, purpose, asked)
    return asked


def request_recovery_code(request: HttpRequest, address: str) -> CodeRequest:
    """Ask for a code for a new password, sent to an address that its account has proven.

    Raises `accounts.access.limiter.Locked`. Nothing else tells whether there is such an account.
    """
    proven = Address.objects.filter(
        value=address,
        proven_at__isnull=False,
        account__is_staff=False,
        account__is_active=True,
    )
    found = proven.select_related("account").first()
    account = found.account if found else None
    return request_code(request, Purpose.RECOVER, address, account=account)


def find_request(
    request: HttpRequest, purpose: Purpose, *, account: User | None = None
) -> CodeRequest | None:
    """Return what this browser asked for in this visit, if it is for this account."""
    identifier = request.session.get(SESSION_KEY, {}).get(purpose)
    if identifier is None:
        return None
    of_account: dict[str, Any] = {"account": account} if account else {}
    return CodeRequest.objects.filter(
        identifier=identifier,
        purpose=purpose,
        transaction_id=_transaction_id(request),
        **of_account,
    ).first()


def check_code(
    request: HttpRequest, purpose: Purpose, typed: str, *, account: User | None = None
) -> CodeRequest:
    """Return this browser's request if what was typed is its code. `use` uses it up.

    A try is counted before anything is compared. Raises `WrongCode` or `CodeOver`, or
    `CodeBeingChecked` for a code that only the operator's service knows.
    """
    asked = find_request(request, purpose, account=account)
    if asked is None or not _count_try(asked):
        raise CodeOver
    if typed_codes.is_accepted(asked):
        return asked
    if not asked.digest and operator_codes.makes_code_for(asked.address):
        typed_codes.submit(asked, typed)
        raise CodeBeingChecked
    if not asked.digest or not constant_time_compare(asked.digest, digest_of(asked, typed)):
        log.warning("wrong code", purpose=purpose, account=asked.account_id, tries=asked.tries + 1)
        raise WrongCode(MOST_TRIES - asked.tries - 1)
    return asked


def recover(request: HttpRequest, typed: str, *, password: str) -> User:
    """Set a new password for whoever has received the code.

    Raises `WrongCode`, `CodeOver`, or Django's `ValidationError` for a weak password.
    """
    # What is weak for everybody costs no try.
    validate_password(normalise_text(password))
    asked = check_code(request, Purpose.RECOVER, typed)
    assert asked.account is not None  # noqa: S101 -- without an account there is no digest
    if not is_still_proven(asked):
        raise CodeOver
    found = Found(asked.account, partial(use, asked), events.Kind.RECOVERED_BY_CODE)
    try:
        finish(request, found, password=password)
    except recovery.WrongCode as error:
        raise CodeOver from error
    forget(request, Purpose.RECOVER)
    return found.account


def is_still_proven(asked: CodeRequest) -> bool:
    """Return whether the account is still open, and no other one has proven the address since."""
    mine = Address.objects.filter(account=asked.account, value=asked.address)
    return mine.filter(proven_at__isnull=False, account__is_active=True).exists()


def use(asked: CodeRequest) -> bool:
    """Use the code up. Of two concurrent requests with the same code one gets True."""
    return compare_and_set(
        CodeRequest,
        asked.pk,
        {"state": USABLE, "digest": asked.digest},
        state=CodeState.USED,
        ended_at=now(),
    )


def forget(request: HttpRequest, purpose: Purpose) -> None:
    """Drop what this browser asked for."""
    kept = request.session.get(SESSION_KEY, {})
    request.session[SESSION_KEY] = {name: kept[name] for name in kept if name != purpose}


def digest_of(asked: CodeRequest, code: str) -> str:
    """Return the keyed digest of this request's code, however it was copied."""
    return digest(f"code {asked.identifier.hex} {normalise_code(code)}")


def _count_try(asked: CodeRequest) -> bool:
    """Count a try, unless the tries or the time are over."""
    # Somebody who has forgotten the password must not learn whether a code was sent.
    is_told_all = asked.purpose != Purpose.RECOVER
    states = USABLE if is_told_all else {*OPEN, CodeState.REFUSED}
    open_rows = CodeRequest.objects.filter(
        pk=asked.pk, state__in=states, expires_at__gt=now(), tries__lt=MOST_TRIES
    )
    return open_rows.update(tries=F("tries") + 1) == 1


def _count(request: HttpRequest, purpose: Purpose, address: str, account: User | None) -> None:
    """Count the request for the address, or for the browser that its account knows."""
    limit = Limit("codes", settings.CODE_LIMIT, WINDOW)
    subject = f"address:{digest(address)[:32]}"
    # Anybody may ask for a code to prove an address, in as many new browsers as they like.
    browser = browser_of(request, account) if account and purpose in TO_PROVEN else None
    if browser:
        limit = Limit("codes here", settings.CODE_LIMIT, WINDOW)
        subject = f"browser:{browser}:{subject[:48]}"
    counters = [Counter(limit, subject)]
    if network := network_of(request):
        of_network = Limit("code networks", settings.NETWORK_LIMIT, WINDOW)
        counters.append(Counter(of_network, f"network:{network}"))
    limiter.count(f"{purpose} {now().timestamp()}", *counters)


def _is_in_device(request: HttpRequest, address: str) -> bool:
    return any(address in find(request) for find in _numbers_in_device)


def _keep(request: HttpRequest, purpose: Purpose, asked: CodeRequest) -> None:
    kept = request.session.get(SESSION_KEY, {})
    request.session[SESSION_KEY] = {**kept, purpose: asked.identifier.hex}


def _transaction_id(request: HttpRequest) -> str:
    return events.origin_of(request)["transaction_id"]
