"""Answers to disputes: staff decide, a worker sends.

An answer is a row before it is a call. Its call is repeated under its key until the gateway
answers, unless the dispute needs no answer any more.
"""

from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils.timezone import now

from accounts.models import User
from moportal.database.statements import compare_and_set
from outbox.calls import BeforeCall
from outbox.domain import Lease, RetryAfter, enqueue
from outbox.retries import LONGEST_ERROR, count_failure
from payments.domain import evidence
from payments.domain.calls import call_gateway
from payments.domain.disputes import enqueue_dispute
from payments.domain.reasons import cut_reason
from payments.gateways import gateway
from payments.gateways.base import GatewayRefused, GatewayUnavailable
from payments.models import Dispute, DisputeAnswer
from payments.states import AnswerKind, AnswerState, DisputeKind, DisputeState

log = structlog.get_logger(__name__)
KIND = "dispute_answer"
BATCH = 500


class NothingToAnswer(Exception):
    """The dispute needs no answer, or an answer is already being sent."""


class NothingTaken(Exception):
    """An inquiry has taken no money, so it cannot be accepted. Its charge can be refunded."""


def request_answer(
    dispute: Dispute, kind: AnswerKind, *, because: str, actor: User
) -> DisputeAnswer:
    """Store what staff have decided about the dispute, and enqueue the task that sends it.

    Raises `NothingToAnswer` or `NothingTaken`.
    """
    with transaction.atomic():
        # The row lock makes a second click wait and see this answer.
        fresh = Dispute.objects.select_for_update().get(pk=dispute.pk)
        is_sent = fresh.answers.filter(state=AnswerState.ASKED).exists()
        if fresh.state != DisputeState.OPENED or is_sent:
            raise NothingToAnswer(str(fresh))
        if kind == AnswerKind.ACCEPT and fresh.kind == DisputeKind.INQUIRY:
            raise NothingTaken(str(fresh))
        row = DisputeAnswer.objects.create(
            dispute=fresh, kind=kind, because=cut_reason(because), asked_by=actor
        )
        enqueue(KIND, row.pk)
    log.info("dispute decided", dispute=dispute.gateway_id, kind=kind, actor=actor.pk)
    return row


def send_answer(subject: str, lease: Lease) -> RetryAfter | None:
    """Send an answer to the gateway; the outbox's handler for answers to disputes."""
    row = DisputeAnswer.objects.select_related("dispute__payment").get(pk=subject)
    if row.state != AnswerState.ASKED:
        return None
    try:
        refusal = _send(row, lease.cover_call)
    except GatewayUnavailable as error:
        return RetryAfter(count_failure(row, error))
    _end(row, refusal)
    return None


def _send(row: DisputeAnswer, before_call: BeforeCall) -> str:
    """Send the answer, and return why it was refused, or an empty text.

    A repeated answer is sent only if the dispute still waits for one, because the gateway may have
    forgotten the key.
    """
    dispute, key = row.dispute, str(row.key)
    chosen = gateway(dispute.gateway)
    if row.tries and not _waits(row, before_call):
        return ""

    def send() -> None:
        if row.kind == AnswerKind.ACCEPT:
            chosen.accept_dispute(dispute.gateway_id, key=key)
        else:
            texts = evidence.texts(dispute.evidence)
            chosen.answer_dispute(dispute.gateway_id, texts, key=key)

    try:
        call_gateway("answer", key, send, payment=dispute.payment, before_call=before_call)
    except GatewayRefused as error:
        log.error("answer refused: staff must act", dispute=dispute.gateway_id, why=str(error))  # noqa: TRY400 -- not a bug of the portal
        return str(error)[:LONGEST_ERROR]
    return ""


def _waits(row: DisputeAnswer, before_call: BeforeCall) -> bool:
    """Ask the gateway whether the dispute waits for an answer."""
    dispute = row.dispute
    fetch = gateway(dispute.gateway).fetch_dispute
    standing = call_gateway(
        "dispute",
        dispute.gateway_id,
        lambda: fetch(dispute.gateway_id),
        payment=dispute.payment,
        before_call=before_call,
    )
    return standing is not None and standing.state == DisputeState.OPENED


@transaction.atomic
def _end(row: DisputeAnswer, refusal: str) -> None:
    """End the answer, and ask the gateway how the dispute stands now."""
    new = AnswerState.FAILED if refusal else AnswerState.DONE
    is_asked = {"state": AnswerState.ASKED}
    columns = {"state": new, "ended_at": now(), "last_error": refusal}
    compare_and_set(DisputeAnswer, row.pk, is_asked, **columns)
    enqueue_dispute(row.dispute.gateway, row.dispute.gateway_id)


def watch() -> int:
    """Report disputes that need an answer soon, and ask about all open ones. Return how many.

    An event may be lost, so every round asks about each open dispute. The log reports a dispute
    once before its due time.
    """
    soon = now() + timedelta(days=settings.DISPUTE_DUE_DAYS)
    due = unanswered().filter(due_at__lt=soon, reported_at=None)
    for dispute in due.select_related("payment"):
        log.error("a dispute needs an answer: staff must act", dispute=str(dispute))
        Dispute.objects.filter(pk=dispute.pk).update(reported_at=now())
    still_open = Dispute.objects.filter(ended_at=None).order_by("due_at")
    found = list(still_open.values_list("gateway", "gateway_id")[:BATCH])
    for name, dispute_id in found:
        enqueue_dispute(name, dispute_id)
    return len(found)


def unanswered() -> QuerySet[Dispute]:
    """Return the open disputes for which staff have not decided yet, the most urgent first."""
    waiting = Dispute.objects.filter(state=DisputeState.OPENED)
    decided = DisputeAnswer.objects.filter(state=AnswerState.ASKED).values("dispute")
    return waiting.exclude(pk__in=decided).order_by("due_at")
