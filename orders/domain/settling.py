"""Bring an order to its end: authorise, make the profile ready, activate, charge, complete.

Only this code moves money or orders profiles for an order. It runs only in workers, under the
outbox's lease, and reads what is stored each time. Before the charge is decided, everything can be
undone, so no customer pays for a plan that cannot be delivered.
"""

from datetime import timedelta

import structlog
from django.db import transaction
from django.utils.timezone import now

from esim.domain import pool, provisioning
from moportal.database.statements import compare_and_set
from moportal.http_client import ServiceUnavailable
from moportal.identifiers import InvalidActivationCode
from orders.domain import announcing
from orders.domain.consent import make_mandate
from orders.domain.deliveries import delivery_of
from orders.domain.moving import RESET_TRIES, CancelWon, IllegalTransition, move
from orders.domain.sales import sale_of
from orders.domain.undoing import undo
from orders.domain.waiting import PaymentDeclined, reason_to_go_on, wait_for_customer
from orders.models import KIND, Order
from orders.states import ENDED, TRIES_BEFORE_STAFF, Failure, OrderState
from outbox.domain import Lease, LeaseLost, RetryAfter, enqueue
from outbox.retries import SHORT_TRIES, count_failure, is_setting
from payments.domain import payments
from payments.domain.receipts import issue_receipt
from payments.gateways.base import GatewayRefused
from payments.models import Payment
from payments.states import PaymentState
from subscriptions.domain import lifecycle as subscriptions
from subscriptions.domain import moves, renewing, sharing
from subscriptions.domain.changing import NotChangeable
from subscriptions.networks.base import NetworkRefused

log = structlog.get_logger(__name__)
# These errors fail an order for good. The value says what the customer is told.
FAILURES: dict[type[Exception], Failure] = {
    PaymentDeclined: Failure.PAYMENT_REFUSED,
    payments.AuthorisationEnded: Failure.LAPSED,
    GatewayRefused: Failure.PAYMENT_REFUSED,
    pool.PoolEmpty: Failure.NO_PROFILE_LEFT,
    provisioning.OutOfStock: Failure.NO_PROFILE_LEFT,
    provisioning.ProfileRefused: Failure.PROFILE_REFUSED,
    InvalidActivationCode: Failure.PROFILE_REFUSED,
    subscriptions.SimOfAnother: Failure.SIM_OF_ANOTHER,
    sharing.NoPlaceLeft: Failure.NO_PLACE_LEFT,
    sharing.NotShared: Failure.NOT_SHARED,
    sharing.SimHasPlan: Failure.SIM_HAS_PLAN,
    moves.NotMovable: Failure.NOT_MOVABLE,
    NetworkRefused: Failure.NETWORK_REFUSED,
    NotChangeable: Failure.PLAN_CHANGED,
}


def settle(subject: str, lease: Lease) -> RetryAfter | None:
    """Advance the order as far as possible now; the outbox's handler for orders.

    1. A failed or cancelled order is undone: money, profile and service.
    2. A cancel that came in time ends the order; then it is undone.
    3. Otherwise the order takes its next steps. If a service gives no usable answer, it is called
       again soon. After the last attempt the order fails, unless the charge is decided: then the
       order is finished, however long that takes.
    """
    order = _load(subject)
    structlog.contextvars.bind_contextvars(
        transaction_id=order.visit.transaction_id, order=order.number
    )
    # Messages come late or twice. A held order continues only when staff resume it.
    if order.state in {OrderState.COMPLETED, OrderState.HELD}:
        return None
    if order.state in ENDED:
        return None if order.undone_at else undo(order, lease)
    if order.cancel_requested_at:
        move(order, OrderState.CANCELLED, reason="cancelled by the customer", **RESET_TRIES)
        return undo(order, lease)
    return _advance_or_fail(order, lease)


def enqueue_of_payment(subject: str, _lease: Lease) -> None:
    """Enqueue what this payment pays for; the outbox's handler for payments.

    That is an order, or a later period of a plan.
    """
    order = Order.objects.filter(payment_id=subject).first()
    if order is not None:
        enqueue(KIND, order.pk)
    else:
        renewing.enqueue_of_payment(subject)


def _advance_or_fail(order: Order, lease: Lease) -> RetryAfter | None:
    try:
        return _advance(order, lease)
    except (LeaseLost, IllegalTransition):
        raise
    except CancelWon:
        # Process the order again at once: `settle` then sees the cancel and undoes the order.
        return RetryAfter(timedelta())
    except tuple(FAILURES) as error:
        # The transaction that completed it may be rolled back.
        order.refresh_from_db(fields=["state"])
        return _fail(order, lease, FAILURES[type(error)], f"{type(error).__name__}: {error}")
    except ServiceUnavailable as error:
        return _retry_or_stop(order, error)
    except Exception as error:
        # A bug must not keep money authorised for ever, so it counts as a failed attempt.
        log.exception("unexpected error")
        # The transaction that moved it may be rolled back.
        order.refresh_from_db(fields=["state"])
        return _retry_or_stop(order, error)


def _load(subject: str) -> Order:
    # Few orders are for an existing SIM, so it is loaded only when it is needed.
    related = Order.objects.select_related("visit", "account", "plan", "payment__method")
    return related.get(pk=subject)


def _advance(order: Order, lease: Lease) -> RetryAfter | None:
    if order.state == OrderState.ACKNOWLEDGED:
        move(order, OrderState.IN_PROGRESS)
    if order.payment is not None and (pause := _authorise(order, order.payment, lease)):
        return pause
    delivery_of(order).prepare(order, lease)
    _decide_to_charge(order)
    if order.payment is not None:
        payments.capture(order.payment, before_call=lease.cover_call)
    _complete(order)
    return None


def _authorise(order: Order, payment: Payment, lease: Lease) -> RetryAfter | None:
    """Get the amount authorised. Returns a pause if the customer or the gateway must act first."""
    payments.authorise(payment, before_call=lease.cover_call)
    if payment.state == PaymentState.PENDING:
        return wait_for_customer(order, payment)
    if order.state == OrderState.PENDING:
        move(order, OrderState.IN_PROGRESS, reason=reason_to_go_on(payment))
    if payment.state == PaymentState.VOIDED and payment.authorised_until:
        raise payments.AuthorisationEnded("it is void at the gateway")
    if payment.state in {PaymentState.DECLINED, PaymentState.VOIDED}:
        raise PaymentDeclined(payment.decline_reason or "it has expired at the gateway")
    return None


def _decide_to_charge(order: Order) -> None:
    """Decide to charge, by compare-and-set against the customer's cancel. There is no way back.

    An order with nothing to pay decides too: from then on it is finished, not undone.
    """
    if order.charge_decided_at:
        return
    expected = {
        "state": OrderState.IN_PROGRESS,
        "cancel_requested_at": None,
        "charge_decided_at": None,
    }
    at = now()
    with transaction.atomic():
        delivery_of(order).claim(order)
        if not compare_and_set(Order, order.pk, expected, charge_decided_at=at):
            raise CancelWon(order.number)
    order.charge_decided_at = at


@transaction.atomic
def _complete(order: Order) -> None:
    at = now()
    # This comes first. A stalled worker stops here if another worker has completed the order, and
    # not at the receipt that exists already.
    move(order, OrderState.COMPLETED, completed_at=at, last_error="")
    mandate = make_mandate(order)
    delivery_of(order).deliver(order, at, mandate)
    receipt = issue_receipt(order.payment, sale_of(order, at=at), at=at) if order.payment else None
    announcing.tell_completed(order, receipt, mandate, at=at)


def _retry_or_stop(order: Order, error: Exception) -> RetryAfter | None:
    """Count the failure. After the last attempt, fail the order, or hold it if it is charged."""
    delay = count_failure(order, error)
    if order.charge_decided_at:
        return _finish_later(order, delay)
    if order.tries > _most_tries(order, error):
        # The customer waits no longer than this, and nothing is charged yet.
        reason = order.last_error
        move(order, OrderState.FAILED, reason=reason, failure=Failure.SERVICE_DOWN, **RESET_TRIES)
        return RetryAfter(timedelta())
    return RetryAfter(delay)


def _most_tries(order: Order, error: Exception) -> int:
    """Return after how many failed attempts an order that is not charged is given up.

    A wrong setting fails every order until somebody corrects it. So such an order has the time
    that staff need for that, about an hour, and whatever fails after the correction has it too.
    """
    has_waited_for_setting = order.tries > SHORT_TRIES + 1
    return TRIES_BEFORE_STAFF if is_setting(error) or has_waited_for_setting else SHORT_TRIES


def _finish_later(order: Order, delay: timedelta) -> RetryAfter | None:
    """Try again after the delay; after the last attempt the order waits for staff."""
    if order.tries <= TRIES_BEFORE_STAFF:
        return RetryAfter(delay)
    move(order, OrderState.HELD, reason=order.last_error)
    log.error("held for staff", order=order.number, reason=order.last_error)
    return None


def end_with_authorisation(payment: Payment, **_signal: object) -> None:
    """Fail an order that waits for staff, because its payment can no longer be charged.

    An order in any other state is only enqueued, and its own next step handles the payment. Staff
    find the reason in the order's history, and the customer is told.
    """
    paid = Order.objects.select_related("account", "payment__method").filter(payment=payment)
    order = paid.first()
    if order is None:
        return
    if order.state == OrderState.HELD:
        failure, reason = Failure.LAPSED, "the authorisation ended"
        move(order, OrderState.FAILED, failure=failure, reason=reason, **RESET_TRIES)
    enqueue(KIND, order.pk)


def _fail(order: Order, lease: Lease, failure: Failure, reason: str) -> RetryAfter | None:
    move(order, OrderState.FAILED, reason=reason, failure=failure, **RESET_TRIES)
    return undo(order, lease)
