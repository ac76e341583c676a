"""Give money back: any number of refunds for a charge, each with its own key, kind and reason.

1. A refund is a row before it is a call. Its amount is reserved on the payment, under the payment's
   row lock. So all refunds together never exceed the charge.
2. The call is repeated under the refund's key until the gateway answers. If the gateway may have
   forgotten the key, the portal searches for the refund first.
3. A refund that the bank decides about later stays open. A failed refund is a case for staff, and
   its amount can be refunded again.
"""

from datetime import timedelta
from typing import assert_never

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.timezone import now

from accounts.models import User
from moportal.money import Money
from outbox.calls import BeforeCall
from outbox.domain import Lease, RetryAfter, enqueue
from outbox.retries import LONGEST_ERROR, count_failure
from payments.domain.calls import call_gateway
from payments.domain.reasons import cut_reason
from payments.domain.staff_limit import count_refund
from payments.domain.standing import (
    end_refund,
    fetch_standing,
    gateway_of,
    oldest_remembered,
    store_standing,
)
from payments.gateways import offers
from payments.gateways.base import Ability, GatewayRefused, GatewayUnavailable, NotOffered
from payments.gateways.values import Refunded, RefundFailed, RefundPending, RefundStanding
from payments.models import GatewayCall, Payment, Refund
from payments.states import RefundKind, RefundState

log = structlog.get_logger(__name__)
KIND = "refund"
# How often the gateway is asked about a refund that the bank decides about later.
PENDING_INTERVAL = timedelta(hours=1)
# How long a request without an answer may still arrive at the gateway.
MAY_STILL_ARRIVE = timedelta(minutes=10)


class NothingToRefund(Exception):
    """The payment is not charged, or less than this amount can still be refunded."""


class DisputeOpen(GatewayRefused):
    """A dispute about the payment is open. Nothing is refunded before it has ended."""


class RefundUnderWay(Exception):
    """A refund of this kind is open. Until it ends, nobody knows how much can still be refunded."""


def request_refund(
    payment: Payment, amount: Money, *, kind: RefundKind, reason: str, actor: User
) -> Refund:
    """Store a refund that staff ask for, and enqueue the task that carries it out.

    Raises what `reserve_refund` raises.
    """
    with transaction.atomic():
        row = reserve_refund(payment, amount, kind=kind, reason=reason, actor=actor)
        enqueue(KIND, row.pk)
    return row


@transaction.atomic
def reserve_refund(
    payment: Payment, amount: Money, *, kind: RefundKind, reason: str, actor: User
) -> Refund:
    """Store a refund that staff ask for. The caller sees to it that a worker sends it.

    Raises `NothingToRefund`, `RefundUnderWay`, `DisputeOpen`, `NotOffered` for a part where the
    gateway gives back whole charges only, or `Locked` after too many refunds of the actor's.
    """
    if amount != payment.amount and not offers(payment.method.gateway, Ability.PART_REFUNDS):
        raise NotOffered(Ability.PART_REFUNDS)
    fresh = Payment.objects.select_for_update().get(pk=payment.pk)
    _refuse_if_disputed(fresh)
    if fresh.refunds.filter(kind=kind, state=RefundState.ASKED).exists():
        raise RefundUnderWay(str(fresh))
    if amount.currency != fresh.currency or not 0 < amount.minor_units <= fresh.left.minor_units:
        raise NothingToRefund(str(fresh))
    row = _set_aside(fresh, amount, kind=kind, reason=reason, actor=actor)
    count_refund(fresh, actor=actor)
    log.info("refund asked", payment=payment.reference, kind=kind, actor=actor.pk)
    return row


def send_reserved(row: Refund, *, before_call: BeforeCall) -> None:
    """Send a refund that was reserved, unless that is done already.

    If the bank decides later, another task asks for the result. Raises `GatewayRefused` for one
    that failed.
    """
    if row.state == RefundState.FAILED:
        raise GatewayRefused(row.last_error)
    if row.state == RefundState.ASKED:
        send(row, before_call=before_call)
        _ask_later(row)


def refund_rest(
    payment: Payment, *, kind: RefundKind, reason: str, before_call: BeforeCall
) -> Payment:
    """Give back what is left of the charge. A payment that is not captured stays as it is.

    An open refund of this kind is continued under its own key, so the gateway gives the money back
    once. If the bank decides later, another task asks for the result. Raises `GatewayRefused`,
    which ends this refund: the next refund is a new row. Raises its subclass `DisputeOpen` while a
    dispute is open.
    """
    row = _open_rest(payment, kind=kind, reason=reason)
    if row is not None:
        try:
            send(row, before_call=before_call)
        finally:
            payment.refresh_from_db()
        _ask_later(row)
    return payment


def _ask_later(row: Refund) -> None:
    """Enqueue the refund if the bank has not decided yet."""
    if row.state == RefundState.ASKED:
        enqueue(KIND, row.pk)


@transaction.atomic
def _open_rest(payment: Payment, *, kind: RefundKind, reason: str) -> Refund | None:
    """Return the open refund of this kind or a new one, or None if nothing is left to refund."""
    # Without the row lock, a stalled worker could open a second
    # refund after the first has ended.
    fresh = Payment.objects.select_for_update().get(pk=payment.pk)
    payment.state = fresh.state
    row = fresh.refunds.filter(kind=kind, state=RefundState.ASKED).first()
    if row is not None:
        return row
    _refuse_if_disputed(fresh)
    if fresh.left.minor_units == 0:
        return None
    return _set_aside(fresh, fresh.left, kind=kind, reason=reason, actor=None)


def _refuse_if_disputed(payment: Payment) -> None:
    """Raise `DisputeOpen` while a dispute is open. The caller holds the lock of the payment's row.

    The constraint no_refund_begins_while_a_dispute_is_open guards this too.
    """
    if payment.is_disputed:
        raise DisputeOpen("a dispute about the payment is open")


def _set_aside(
    payment: Payment, amount: Money, *, kind: RefundKind, reason: str, actor: User | None
) -> Refund:
    """Store the refund and reserve its amount. The caller holds the lock of the payment's row."""
    refunding = payment.refunding_minor_units + amount.minor_units
    Payment.objects.filter(pk=payment.pk).update(refunding_minor_units=refunding)
    return Refund.objects.create(
        payment=payment,
        minor_units=amount.minor_units,
        kind=kind,
        reason=cut_reason(reason),
        asked_by=actor,
    )


def carry_out(subject: str, lease: Lease) -> RetryAfter | None:
    """Carry out a refund that staff asked for; the outbox's handler for refunds."""
    row = Refund.objects.select_related("payment__method").get(pk=subject)
    if row.state != RefundState.ASKED:
        return None
    try:
        send(row, before_call=lease.cover_call)
    except GatewayUnavailable as error:
        return RetryAfter(count_failure(row, error))
    except GatewayRefused as error:
        log.error("refund failed: staff must act", refund=row.pk, why=str(error))  # noqa: TRY400 -- not a bug of the portal
        return None
    return RetryAfter(PENDING_INTERVAL) if row.state == RefundState.ASKED else None


def send(row: Refund, *, before_call: BeforeCall) -> None:
    """Send the refund to the gateway, and store the result.

    A refund that the bank decides about later stays open. Raises `GatewayRefused`
    for one that failed.
    """
    try:
        standing = _ask(row, before_call)
    except GatewayRefused as error:
        _end_refused(row, str(error), before_call)
        return
    match standing:
        case Refunded(refund_id):
            end_refund(row, RefundState.DONE, gateway_id=refund_id, last_error="")
        case RefundPending(refund_id):
            Refund.objects.filter(pk=row.pk).update(gateway_id=refund_id, tries=0, last_error="")
        case RefundFailed(refund_id, reason):
            end_refund(row, RefundState.FAILED, gateway_id=refund_id, last_error=reason)
            raise GatewayRefused(f"refund: {reason}")
        case _:
            assert_never(standing)


def _end_refused(row: Refund, error: str, before_call: BeforeCall) -> None:
    """End a refund that the gateway refuses, and raise `GatewayRefused`.

    A gateway also refuses if the whole charge was given back outside of the portal. So the portal
    asks how the payment stands. If the charge was given back, this refund is done.
    """
    payment = row.payment
    payment.refresh_from_db()
    store_standing(payment, fetch_standing(payment, before_call))
    row.refresh_from_db()
    if row.state != RefundState.DONE:
        end_refund(row, RefundState.FAILED, last_error=error[:LONGEST_ERROR])
        raise GatewayRefused(error)


def _ask(row: Refund, before_call: BeforeCall) -> RefundStanding:
    """Ask for the refund, after a search for one that the gateway may already have.

    The search comes first if the gateway has given the refund an id, or may have forgotten its
    key, or if a dispute was opened since.
    """
    payment, key = row.payment, str(row.key)
    oldest = oldest_remembered(payment)
    is_old = oldest is not None and row.asked_at < oldest
    payment.refresh_from_db(fields=["in_flight_minor_units"])
    if row.gateway_id or is_old or payment.is_disputed:
        find = gateway_of(payment).find_refund
        found = call_gateway(
            "find_refund",
            key,
            lambda: find(payment.gateway_id, key=key),
            payment=payment,
            before_call=before_call,
        )
        if found is not None:
            return found
        if payment.is_disputed and _may_still_arrive(row):
            raise GatewayUnavailable("refund: an earlier request may still arrive")
    # A dispute may give back the same money. So a refund that the gateway lacks is not sent now.
    _refuse_if_disputed(payment)
    give_back = gateway_of(payment).refund
    return call_gateway(
        "refund",
        key,
        lambda: give_back(payment.gateway_id, row.amount, key=key),
        payment=payment,
        before_call=before_call,
    )


def _may_still_arrive(row: Refund) -> bool:
    sent = row.payment.calls.filter(operation="refund", key=str(row.key))
    unanswered = sent.filter(outcome=GatewayCall.Outcome.UNANSWERED)
    return unanswered.filter(sent_at__gt=now() - MAY_STILL_ARRIVE).exists()


def failed_refunds() -> QuerySet[Refund]:
    """Return the failed refunds that are cases for staff.

    A case is closed by a later refund of the same kind for the same payment, or by staff.
    """
    later = Refund.objects.filter(
        payment=OuterRef("payment"), kind=OuterRef("kind"), pk__gt=OuterRef("pk")
    )
    failed = Refund.objects.filter(state=RefundState.FAILED, settled_at=None)
    return failed.filter(~Exists(later))


def retry(refund: Refund, *, actor: User) -> Refund:
    """Replace a failed refund by a new one with its own key. The new refund closes the case.

    Raises `NothingToRefund` if the refund is no case. Also raises what `request_refund` raises.
    """
    if not failed_refunds().filter(pk=refund.pk).exists():
        raise NothingToRefund(str(refund))
    kind = RefundKind(refund.kind)
    return request_refund(
        refund.payment, refund.amount, kind=kind, reason=refund.reason, actor=actor
    )


def mark_settled(refund: Refund) -> None:
    """Store that staff have settled a failed refund, for example by a bank transfer."""
    failed = Refund.objects.filter(pk=refund.pk, state=RefundState.FAILED, settled_at=None)
    failed.update(settled_at=now())


def enqueue_open(payment: Payment) -> None:
    """Enqueue the payment's open refunds, because the gateway has reported something about it."""
    for pk in payment.refunds.filter(state=RefundState.ASKED).values_list("pk", flat=True):
        enqueue(KIND, pk)
