"""Whether a phone number has changed hands, as the operator's network says (docs/numbers.md).

Somebody else with the number's new SIM, or the number's next subscriber, would read a code that is
sent to it. Therefore the network is asked first. It is asked about the time since the number was
proven here; a new SIM counts for SIM_CHANGE_DAYS only, because customers change telephones.
"""

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db.models import Max
from django.utils.timezone import now

from accounts.models import Address, CodeRequest, NumberCheck, Proof
from accounts.number_checks import number_checks
from accounts.number_checks.base import (
    CannotTell,
    NumberChecks,
    NumberChecksUnavailable,
    Question,
)
from outbox.calls import BeforeCall, Outcome, record_call
from outbox.domain import Lease

log = structlog.get_logger(__name__)
# How long a network without a usable answer is asked again. Somebody is waiting for a code.
RETRY_FOR = timedelta(minutes=1)
# An answer of this age is used again. A worker that takes over finds the answers of the first one.
FRESH = timedelta(minutes=1)


class NumberNotChecked(Exception):
    """Nobody can say whether the number has changed hands, so no code may go to it."""


def check_before_code(asked: CodeRequest, lease: Lease) -> bool:
    """Return whether the number changed hands, for a request that waits for its code.

    Raises `NumberChecksUnavailable` if the network should be asked again, and `NumberNotChecked`
    if that no longer helps.
    """
    try:
        return has_changed_hands(asked.address, before_call=lease.cover_call)
    except NumberChecksUnavailable as error:
        if now() - asked.created_at < RETRY_FOR:
            raise
        raise NumberNotChecked(str(error)) from error


def has_changed_hands(number: str, *, before_call: BeforeCall) -> bool:
    """Ask the network whether the number, in E.164, changed hands since it was proven.

    Without NUMBER_CHECKS the answer is no. Call it in a task of the outbox, without a transaction.
    Raises `NumberChecksUnavailable` or `NumberNotChecked`. Neither means yes or no.
    """
    checks = number_checks()
    if checks is None:
        return False
    questions = checks.questions()
    if not questions:
        raise NumberNotChecked("NUMBER_CHECKS has no address")
    unknown: list[str] = []
    for question in questions:
        try:
            if _ask(checks, question, number, before_call):
                log.warning("number changed hands", question=question)
                return True
        except CannotTell as error:
            # The other question may still say that the number changed hands.
            unknown.append(str(error))
    if unknown:
        raise NumberNotChecked("; ".join(unknown))
    return False


def sim_changed_at(number: str) -> datetime | None:
    """Return when the network last said that the number has a new SIM, or None.

    The change itself was earlier, by SIM_CHANGE_DAYS at most.
    """
    found = NumberCheck.objects.filter(number=number, question=Question.SIM_SWAP, changed=True)
    at: datetime | None = found.aggregate(at=Max("sent_at"))["at"]
    return at


def _ask(checks: NumberChecks, question: Question, number: str, before_call: BeforeCall) -> bool:
    since = _since(question, number)
    known = _fresh_answer(question, number, since)
    if known is not None:
        return known
    return record_call(
        NumberCheck(number=number, question=question, since=since),
        lambda: checks.changed_hands_since(question, number, since),
        before_call=before_call,
        refusals=(CannotTell,),
        describe=lambda changed: {"outcome": Outcome.ANSWERED, "changed": changed},
    )


def _since(question: Question, number: str) -> datetime:
    """Return the time since which a change makes the number suspect."""
    lately = now() - timedelta(days=settings.SIM_CHANGE_DAYS)
    proven_at = _proven_at(number)
    if proven_at is None:
        return lately
    return max(proven_at, lately) if question == Question.SIM_SWAP else proven_at


def _proven_at(number: str) -> datetime | None:
    """Return when somebody last proved the number, if the proof still counts."""
    addresses = Address.objects.filter(value=number).aggregate(at=Max("proven_at"))
    proofs = Proof.objects.filter(subject=number, ended_at=None).aggregate(at=Max("made_at"))
    return max((found["at"] for found in (addresses, proofs) if found["at"]), default=None)


def _fresh_answer(question: Question, number: str, since: datetime) -> bool | None:
    answered = NumberCheck.objects.filter(
        number=number,
        question=question,
        outcome=Outcome.ANSWERED,
        sent_at__gte=now() - FRESH,
        since__range=(since - FRESH, since + FRESH),
    )
    found = answered.last()
    return found.changed if found else None
