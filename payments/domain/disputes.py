"""Disputes: asked of the gateway after an event, stored, counted, and announced to other rooms.

1. An event names a dispute and decides nothing. It wakes a worker, which asks the gateway. So
   events may be late, repeated or out of order.
2. Under the lock of the payment's row, the worker stores how the dispute stands and counts what is
   lost. From then on no refund begins until the dispute has ended.
3. Each move is announced in the transaction that stores it.
"""

import structlog
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.timezone import now

from moportal.database.statements import move
from outbox.domain import Lease, RetryAfter
from outbox.retries import retry_delay
from payments.domain import evidence, fraud
from payments.domain.calls import call_gateway
from payments.domain.losses import recount
from payments.domain.standing import fetch_standing, store_standing
from payments.domain.subjects import enqueue_reported, parse_subject, wait_for_payment
from payments.gateways import gateway
from payments.gateways.base import GatewayUnavailable
from payments.gateways.disputes import DisputeStanding
from payments.models import Dispute, GatewayCall, Payment
from payments.signals import dispute_answered, dispute_lost, dispute_opened, dispute_won
from payments.states import NEXT_DISPUTE_STATES, OPEN_DISPUTE, DisputeState

log = structlog.get_logger(__name__)
KIND = "dispute"
SIGNALS = {
    DisputeState.OPENED: dispute_opened,
    DisputeState.ANSWERED: dispute_answered,
    DisputeState.WON: dispute_won,
    DisputeState.LOST: dispute_lost,
}


def enqueue_dispute(name: str, dispute_id: str) -> None:
    """Enqueue the task that asks this gateway how its dispute stands."""
    enqueue_reported(KIND, name, dispute_id)


def update_dispute(subject: str, lease: Lease) -> RetryAfter | None:
    """Ask the gateway how a dispute stands, and store that; the outbox's handler for disputes.

    Nothing changes if the gateway does not know the dispute, or the portal does not know its
    payment.
    """
    name, dispute_id = parse_subject(subject)
    known = Dispute.objects.filter(gateway=name, gateway_id=dispute_id)
    row = known.select_related("payment__method").first()
    try:
        standing = _fetch(name, dispute_id, row, lease)
        if standing is None:
            log.warning("no such dispute at the gateway", dispute=subject)
            return None
        payment = row.payment if row else _payment_of(name, standing)
        if payment is None:
            return wait_for_payment("dispute", dispute_id)
        if not payment.was_charged:
            # The answer to the capture may be lost, and the bank may be faster than the retry.
            store_standing(payment, fetch_standing(payment, lease.cover_call))
    except GatewayUnavailable as error:
        log.warning("no usable answer", dispute=subject, error=str(error))
        calls = GatewayCall.objects.filter(operation="dispute", key=dispute_id).count()
        return RetryAfter(retry_delay(calls, at_least=error.retry_after))
    _store(payment, standing, lease)
    return None


def _fetch(name: str, dispute_id: str, row: Dispute | None, lease: Lease) -> DisputeStanding | None:
    chosen = gateway(name)
    return call_gateway(
        "dispute",
        dispute_id,
        lambda: chosen.fetch_dispute(dispute_id),
        payment=row.payment if row else None,
        before_call=lease.cover_call,
    )


def _payment_of(name: str, standing: DisputeStanding) -> Payment | None:
    # Another gateway may use the same id.
    of_this_gateway = Payment.objects.filter(method__gateway=name)
    return of_this_gateway.filter(gateway_id=standing.payment_id).select_related("method").first()


@transaction.atomic
def _store(payment: Payment, standing: DisputeStanding, lease: Lease) -> None:
    """Store how the dispute stands, count what is lost, and announce each move."""
    # After a lost lease, this answer may be older than the stored one.
    lease.renew()
    # Refunds and disputes of one payment take turns: each reads what the other has stored.
    locked = Payment.objects.select_for_update().get(pk=payment.pk)
    row, is_new = _row_of(locked, payment.method.gateway, standing)
    is_opened = is_new or row.kind != standing.kind
    moves = _follow(row, standing)
    recount(locked)
    row.refresh_from_db()
    if row.is_fraud and row.state != DisputeState.WON:
        fraud.respond(payment, reason=f"dispute: {row.reason}")
    if is_opened and DisputeState.OPENED not in moves:
        moves = [DisputeState.OPENED, *moves]
    for state in moves:
        SIGNALS[state].send(Dispute, dispute=row)
        log.info("dispute", payment=locked.reference, kind=row.kind, state=state)


def _row_of(payment: Payment, name: str, standing: DisputeStanding) -> tuple[Dispute, bool]:
    """Return the dispute's row, and whether it is new. A new one gets the evidence."""
    known = Dispute.objects.filter(gateway=name, gateway_id=standing.dispute_id).first()
    if known is not None:
        return known, False
    row = Dispute.objects.create(
        payment=payment,
        gateway=name,
        gateway_id=standing.dispute_id,
        kind=standing.kind,
        minor_units=standing.amount.minor_units,
        currency=standing.amount.currency,
        evidence=evidence.freeze(payment),
    )
    return row, True


def _follow(row: Dispute, standing: DisputeStanding) -> list[DisputeState]:
    """Store what the gateway says, and return the states that the dispute has moved to."""
    facts: dict[str, object] = {
        "kind": standing.kind,
        "reason": standing.reason,
        "is_fraud": standing.is_fraud,
        "minor_units": standing.amount.minor_units,
        "currency": standing.amount.currency,
        "taken_minor_units": standing.taken.minor_units,
        "counted_minor_units": 0,
        "fee_minor_units": standing.fee.minor_units,
        "fee_currency": standing.fee.currency,
        "due_at": standing.due_at,
    }
    path = path_between(DisputeState(row.state), standing.state)
    for state in path:
        ended_at = None if state in OPEN_DISPUTE else now()
        fresh = {"ended_at": ended_at, "reported_at": None, "settled_at": None}
        move(row, NEXT_DISPUTE_STATES, state, **facts, **fresh)
    if not path:
        Dispute.objects.filter(pk=row.pk).update(**facts)
    return path


def path_between(old: DisputeState, new: DisputeState) -> list[DisputeState]:
    """Return the states from the old to the new one.

    A dispute that has ended must be opened again before it can be answered.
    """
    if old == new:
        return []
    is_reopened = old not in OPEN_DISPUTE and new == DisputeState.ANSWERED
    return [DisputeState.OPENED, new] if is_reopened else [new]


def doubled() -> QuerySet[Dispute]:
    """Return the disputes that took money which a refund gave back too, or in another currency.

    They are cases for staff until they are settled.
    """
    taken = Dispute.objects.filter(settled_at=None)
    return taken.filter(taken_minor_units__gt=F("counted_minor_units"))


def mark_settled(dispute: Dispute) -> None:
    """Store that staff have settled what the customer has twice."""
    doubled().filter(pk=dispute.pk).update(settled_at=now())
