"""A customer links a line that they have with the operator.

The customer types the number, the code from a bill, or both. A code to the number proves that the
customer holds the SIM. `accounts` keeps that proof and announces it. Then a worker asks the
customer system what is on the line. The code from the bill makes the customer the holder, if the
customer system says that it is right (docs/accounts.md#lines).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.utils.timezone import now

from accounts.access import limiter
from accounts.access.limiter import Counter, Limit
from accounts.domain import codes, proofs
from accounts.domain.proofs import Strength
from accounts.domain.telling import tell
from accounts.models import CodeRequest, Proof, User
from accounts.states import ProofKind
from messages.states import Occasion
from moportal.database.statements import move
from moportal.sealed import digest
from moportal.text.normal_text import normalise_text
from outbox.domain import Lease, RetryAfter, enqueue
from outbox.retries import count_failure
from subscriptions.customers import customer_system
from subscriptions.customers.base import (
    CustomerSystemRefused,
    CustomerSystemUnavailable,
    LineOnRecord,
    LineRequest,
    Operation,
    Pending,
    Reason,
)
from subscriptions.domain import operator_lines
from subscriptions.domain.customer_calls import ask
from subscriptions.models import CustomerCall, LineLink, OperatorLine
from subscriptions.states import NEXT_STATES, OPEN_LINKS, LinkState, Refusal

log = structlog.get_logger(__name__)
KIND = "line_link"
# How long a customer system without a usable answer is asked again.
GIVE_UP = timedelta(days=1)
# Different codes from bills that one account may type in a day, or that may be typed with one
# number: accounts cost nothing, and the bill's code makes who holds the SIM the line's holder.
BILL_LIMIT = Limit("bill-code", 5, timedelta(days=1))
# Lines that one account may begin to link in an hour. Each is a row and asks the operator.
LINK_LIMIT = Limit("lines", 20, timedelta(hours=1))


def is_offered() -> bool:
    """Return whether this operator lets customers link lines."""
    return bool(settings.CUSTOMER_SYSTEM)


def begin(account: User, *, number: str, bill_code: str) -> LineLink:
    """Begin to link a line, by its number in E.164, the code from its bill, or both.

    What the account began before and has not proven lapses. Raises
    `accounts.access.limiter.Locked` after too many different codes from bills or beginnings.
    """
    bill_code = normalise_text(bill_code).strip()
    limiter.count(str(now().timestamp()), Counter(LINK_LIMIT, f"account:{account.pk}"))
    if bill_code:
        limiter.count(bill_code, *_counters(account, number))
    with transaction.atomic():
        # Two tabs that begin at once wait here for each other.
        User.objects.select_for_update(no_key=True).get(pk=account.pk)
        open_links = LineLink.objects.filter(account=account, state__in=OPEN_LINKS)
        asking = open_links.filter(number=number, state=LinkState.ASKING).first()
        if asking is not None:
            return asking
        for earlier in open_links.exclude(state=LinkState.ASKING):
            _end(earlier, LinkState.LAPSED)
        state = LinkState.PROVING if number else LinkState.FINDING
        link = LineLink.objects.create(
            account=account, number=number, bill_code=bill_code, state=state
        )
        if state == LinkState.FINDING:
            enqueue(KIND, link.pk)
    return link


@transaction.atomic
def confirm(account: User, asked: CodeRequest) -> LineLink:
    """Use up the code that went to a number, store the proof, and return the request to link it.

    `note_proof` lets a worker ask the customer system. Raises `accounts.domain.codes.CodeOver`.
    """
    if not codes.use(asked):
        raise codes.CodeOver
    proofs.record(account, ProofKind.CODE_TO_LINE, asked.address)
    return LineLink.objects.filter(account=account, number=asked.address).latest("pk")


def note_proof(proof: Proof, before: Iterable[User], **_signal: object) -> None:
    """Link the line of a number that was just proven; a receiver of `accounts.signals`.

    An account that had the line before is told. It is called in the proof's transaction.
    """
    for former in before:
        _tell_loss(former, proof)
    # The customer system has just checked a bill's code, so it need not be asked again.
    if not is_offered() or proof.kind == ProofKind.BILL_CODE:
        return
    of_number = LineLink.objects.filter(account=proof.account, number=proof.subject)
    link = of_number.filter(state__in=OPEN_LINKS).first()
    if link is None:
        link = LineLink.objects.create(
            account=proof.account, number=proof.subject, state=LinkState.ASKING
        )
    elif link.state == LinkState.PROVING:
        move(link, NEXT_STATES, LinkState.ASKING)
    enqueue(KIND, link.pk)


def _tell_loss(former: User, proof: Proof) -> None:
    has_line = OperatorLine.objects.filter(
        line__account=former, line__msisdn=proof.subject.removeprefix("+")
    )
    if has_line.exists():
        tell(
            former,
            Occasion.LINE_LOST,
            key=f"proof {proof.pk} {proof.made_at:%Y%m%dT%H%M%S}",
            context={"last4": proof.subject[-4:]},
        )


def find_line(subject: str, lease: Lease) -> RetryAfter | None:
    """Ask the customer system for the line, and write what it answers; the outbox's handler."""
    link = LineLink.objects.select_related("account").filter(pk=subject).first()
    if link is None or link.state not in {LinkState.FINDING, LinkState.ASKING}:
        return None
    system = customer_system()
    if system is None or link.created_at < now() - GIVE_UP:
        _end(link, LinkState.REFUSED, Refusal.UNANSWERED)
        return None

    at = now()
    key = f"{link.state}-{link.key}"
    request = LineRequest(Operation.FIND, key, number=link.number, bill_code=link.bill_code)
    try:
        answer = ask(system, request, CustomerCall(link=link), lease)
    except CustomerSystemUnavailable as error:
        return RetryAfter(count_failure(link, error))
    except CustomerSystemRefused as error:
        is_unknown = error.reason == Reason.UNKNOWN
        _end(link, LinkState.REFUSED, Refusal.UNKNOWN if is_unknown else Refusal.REFUSED)
        return None

    if isinstance(answer, Pending):
        return RetryAfter(answer.delay)
    bill_code = link.bill_code
    is_right = (
        _note_number(link, answer) if link.state == LinkState.FINDING else _write(link, answer, at)
    )
    if is_right:
        limiter.forget(bill_code, *_counters(link.account, link.number))
    return None


def _note_number(link: LineLink, found: LineOnRecord) -> bool:
    """Store the number that the bill's code belongs to, and return whether the code is right.

    A code to the number must prove it next.
    """
    if not found.is_bill_code_right:
        _end(link, LinkState.REFUSED, Refusal.UNKNOWN)
        return False
    same = LineLink.objects.filter(account=link.account, number=found.number)
    if same.filter(state__in=OPEN_LINKS).exists():
        # The customer has proven the number meanwhile. Its line is being read.
        _end(link, LinkState.LAPSED)
    else:
        move(link, NEXT_STATES, LinkState.PROVING, number=found.number)
    return True


@transaction.atomic
def _write(link: LineLink, found: LineOnRecord, at: datetime) -> bool:
    """Write the line, and return whether the bill's code is right."""
    # Race: another account may prove the number now. Its proof waits for this lock, and its link
    # is written later. If that proof came first, this account has none any more.
    proofs.lock(link.number)
    if proofs.strength_of(link.account, link.number) < Strength.USE:
        _end(link, LinkState.REFUSED, Refusal.NOT_PROVEN)
        return False

    operator_lines.link(link.account, found, at=at)
    is_right = bool(link.bill_code) and found.is_bill_code_right
    if is_right:
        proofs.record(link.account, ProofKind.BILL_CODE, link.number)
    _end(link, LinkState.LINKED, is_bill_code_right=is_right if link.bill_code else None)
    return is_right


def _end(link: LineLink, state: LinkState, refusal: str = "", **changes: object) -> None:
    move(link, NEXT_STATES, state, refusal=refusal, bill_code="", ended_at=now(), **changes)


def _counters(account: User, number: str) -> list[Counter]:
    of_number = [Counter(BILL_LIMIT, f"number:{digest(number)[:32]}")] if number else []
    return [Counter(BILL_LIMIT, f"account:{account.pk}"), *of_number]
