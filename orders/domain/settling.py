"""Bring an order to its end: authorise, make the profile ready, activate, charge, complete.

Only this code moves money or orders profiles for an order. It runs only in workers, under the
outbox's lease, and reads what is stored each time. Before the charge is decided, everything can be
undone, so no customer pays for a plan that was not delivered.
"""

from datetime import timedelta
from typing import Any, NoReturn

import structlog
from django.db import transaction
from django.utils.timezone import now

from accounts.models import User
from esim.domain import pool, provisioning
from esim.models import Sim
from moportal.database.statements import compare_and_set
from moportal.http_client import ServiceUnavailable
from moportal.identifiers import InvalidActivationCode
from orders.domain import announcing, bank_step, limits
from orders.domain.consent import make_mandate
from orders.domain.sales import sale_of
from orders.domain.undoing import undo
from orders.models import KIND, Order, StateChange
from orders.queries.orders import not_undone, waiting_for_setting
from orders.states import ENDED, NEXT_STATES, TRIES_BEFORE_STAFF, Failure, OrderState
from outbox.domain import Lease, LeaseLost, RetryAfter, enqueue
from outbox.retries import SHORT_TRIES, count_failure, is_setting
from payments.domain import codes, payments
from payments.domain.receipts import issue_receipt
from payments.gateways.base import GatewayRefused
from payments.models import Payment
from payments.states import PaymentState
from subscriptions.domain import activation, renewing
from subscriptions.domain import lifecycle as subscriptions
from subscriptions.models import SimOnLine, Subscription
from subscriptions.networks.base import NetworkRefused

log = structlog.get_logger(__name__)
# While the customer confirms at the bank, the gateway is asked at these intervals. Usually the
# customer's return or the gateway's webhook wakes a worker earlier, but either may be lost.
CUSTOMER_STEP_PAUSE, LONGEST_STEP_PAUSE = timedelta(seconds=5), timedelta(minutes=2)
CUSTOMER_STEP_LIMIT = timedelta(minutes=30)
# These orders no longer count against the limit on open and cancelled ones.
NOT_COUNTED = frozenset({OrderState.COMPLETED, OrderState.FAILED})
# An order that failed or was cancelled counts the attempts to undo it from zero.
RESET_TRIES: dict[str, Any] = {"tries": 0}


class IllegalTransition(Exception):
    """The order's state does not allow this move, or another worker moved it first."""


class PaymentDeclined(Exception):
    """The bank refused, or the customer did not confirm at the bank in time."""


class CancelWon(Exception):
    """The customer cancelled before the charge was decided."""


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
    NetworkRefused: Failure.NETWORK_REFUSED,
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
        _move(order, OrderState.CANCELLED, reason="cancelled by the customer", **RESET_TRIES)
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
        _move(order, OrderState.IN_PROGRESS)
    payments.authorise(order.payment, before_call=lease.cover_call)
    if order.payment.state == PaymentState.PENDING:
        return _wait_for_customer(order)
    if order.state == OrderState.PENDING:
        _move(order, OrderState.IN_PROGRESS, reason=_reason_to_go_on(order))
    if order.payment.state == PaymentState.VOIDED and order.payment.authorised_until:
        raise payments.AuthorisationEnded("it is void at the gateway")
    if order.payment.state in {PaymentState.DECLINED, PaymentState.VOIDED}:
        raise PaymentDeclined(order.payment.decline_reason or "it has expired at the gateway")
    sim = _make_sim_ready(order, lease)
    _check_code(order)
    subscription = _put_plan_on_line(order, sim)
    activation.activate(subscription, sim, before_call=lease.cover_call)
    _check_sim(order, subscription)
    _decide_to_charge(order)
    payments.capture(order.payment, before_call=lease.cover_call)
    _complete(order)
    return None


def _wait_for_customer(order: Order) -> RetryAfter:
    if order.state != OrderState.PENDING:
        with transaction.atomic():
            # In the move's transaction: the page must not lead to the bank before the way is open.
            if order.payment.customer_step_url:
                bank_step.ask_for_way(order)
            _move(order, OrderState.PENDING, reason=_reason_to_wait(order))
    if order.payment.has_lost_code:
        raise PaymentDeclined("the answer with the code's id was lost")
    if order.payment.waits_for_code and not codes.tries_left(order.payment):
        raise PaymentDeclined("the code was wrong too often")
    waited = now() - order.created_at
    if waited > CUSTOMER_STEP_LIMIT:
        raise PaymentDeclined(_reason_to_wait_no_longer(order))
    # The longer the customer takes, the less often the gateway is asked.
    return RetryAfter(min(max(CUSTOMER_STEP_PAUSE, waited / 4), LONGEST_STEP_PAUSE))


def _reason_to_wait(order: Order) -> str:
    """Return what a payment waits for, for the order's history."""
    if order.payment.customer_step_url:
        return "waits for a confirmation at the bank"
    is_code = order.payment.code_asked_at is not None
    return "waits for the gateway's code" if is_code else "waits for the gateway's decision"


def _reason_to_wait_no_longer(order: Order) -> str:
    if order.payment.customer_step_url:
        return "the payment was not confirmed at the bank"
    is_code = order.payment.code_asked_at is not None
    return "no right code was typed in time" if is_code else "the gateway did not decide in time"


def _reason_to_go_on(order: Order) -> str:
    if order.payment.customer_step_url:
        return "the customer came back from the bank"
    return "the gateway has decided"


def _make_sim_ready(order: Order, lease: Lease) -> Sim:
    """Return the existing SIM, or make a new profile ready at the SM-DP+ and return its SIM."""
    if order.sim:
        return order.sim
    if order.profile is None:
        lease.renew()
        with transaction.atomic():
            profile = pool.intend(
                eid=order.eid, profile_type=order.plan.profile_type, market=order.visit.market
            )
            # An order gets one profile, even if a worker goes on after its lease has expired.
            expected = {
                "state": OrderState.IN_PROGRESS,
                "profile": None,
                "cancel_requested_at": None,
            }
            if not compare_and_set(Order, order.pk, expected, profile=profile):
                _refuse_profile(order)
        order.profile = profile
    return provisioning.make_ready(order.profile, before_call=lease.cover_call).sim


def _refuse_profile(order: Order) -> NoReturn:
    """Raise the reason why the order gets no profile. The rollback frees the ICCID."""
    order.refresh_from_db(fields=["state", "profile", "cancel_requested_at"])
    if order.cancel_requested_at and order.profile_id is None:
        raise CancelWon(order.number)
    raise IllegalTransition("the order has a profile already, or has ended")


def _check_code(order: Order) -> None:
    """Raise `InvalidActivationCode` if the eSIM could not be handed over: it is never charged."""
    if order.profile and order.charge_decided_at is None:
        _ = order.profile.activation_code


def _put_plan_on_line(order: Order, sim: Sim) -> Subscription:
    if order.subscription:
        return order.subscription
    with transaction.atomic():
        # If the order has ended meanwhile, the error below rolls
        # the line and its plan back.
        # A new profile is on no line yet.
        order.line_is_new = order.profile is not None or not sim.lines.filter(until=None).exists()
        order.subscription = subscriptions.prepare(
            order.account,
            sim=sim,
            plan=order.plan,
            plan_name=order.plan_name,
            sold=order,
            reference=order.number,
            proof=SimOnLine.Proof.ISSUED if order.profile else SimOnLine.Proof.NONE,
        )
        expected = {"state": OrderState.IN_PROGRESS, "subscription": None}
        changes = {"subscription": order.subscription, "line_is_new": order.line_is_new}
        if not compare_and_set(Order, order.pk, expected, **changes):
            raise IllegalTransition("the order has its plan already, or has ended")
    return order.subscription


def _check_sim(order: Order, subscription: Subscription) -> None:
    """Raise `SimOfAnother` if somebody has proven meanwhile that the SIM is theirs.

    This comes after the activation. So either the plan is ended here, or the takeover finds it
    active and ends it (`subscriptions.domain.claims`).
    """
    if (
        order.sim
        and not order.charge_decided_at
        and not subscriptions.has_sim(subscription, order.sim)
    ):
        raise subscriptions.SimOfAnother(order.sim.iccid)


def _decide_to_charge(order: Order) -> None:
    """Decide to charge, by compare-and-set against the customer's cancel. There is no way back."""
    if order.charge_decided_at:
        return
    expected = {
        "state": OrderState.IN_PROGRESS,
        "cancel_requested_at": None,
        "charge_decided_at": None,
    }
    at = now()
    if not compare_and_set(Order, order.pk, expected, charge_decided_at=at):
        raise CancelWon(order.number)
    order.charge_decided_at = at


@transaction.atomic
def _complete(order: Order) -> None:
    assert order.subscription is not None  # noqa: S101 -- `_put_plan_on_line` has set it
    at = now()
    # This comes first. A stalled worker stops here if another worker has completed the order, and
    # not at the receipt that exists already.
    _move(order, OrderState.COMPLETED, completed_at=at, last_error="")
    mandate = make_mandate(order)
    subscriptions.start(order.subscription, at=at, mandate=mandate)
    receipt = issue_receipt(order.payment, sale_of(order, at=at), at=at)
    announcing.tell_completed(order, receipt, mandate, at=at)


def _retry_or_stop(order: Order, error: Exception) -> RetryAfter | None:
    """Count the failure. After the last attempt, fail the order, or hold it if it is charged."""
    delay = count_failure(order, error)
    if order.charge_decided_at:
        return _finish_later(order, delay)
    if order.tries > _most_tries(order, error):
        # The customer waits no longer than this, and nothing is charged yet.
        reason = order.last_error
        _move(order, OrderState.FAILED, reason=reason, failure=Failure.SERVICE_DOWN, **RESET_TRIES)
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
    _move(order, OrderState.HELD, reason=order.last_error)
    log.error("held for staff", order=order.number, reason=order.last_error)
    return None


def resume(order: Order, *, actor: User) -> None:
    """Continue an order that waits for staff: held, not undone, or stopped by a wrong setting.

    Raises `IllegalTransition` for any other.
    """
    stuck = Order.objects.filter(not_undone() | waiting_for_setting(), pk=order.pk)
    with transaction.atomic():
        if order.state == OrderState.HELD:
            _move(order, OrderState.IN_PROGRESS, reason="staff: try again", actor=actor, tries=0)
        elif not stuck.update(**RESET_TRIES):
            raise IllegalTransition(f"{order.state}: it does not wait for staff")
        enqueue(KIND, order.pk)
    log.info("retried by staff", order=order.number, actor=actor.pk)


def give_up(order: Order, *, actor: User, because: str) -> None:
    """Fail a held order: the money goes back, and the profile is cancelled.

    Raises `IllegalTransition` for any other order.
    """
    if order.state != OrderState.HELD:
        raise IllegalTransition(f"{order.state}: it does not wait for staff")
    recorded: dict[str, Any] = {"reason": f"staff: {because}", "actor": actor}
    with transaction.atomic():
        _move(order, OrderState.FAILED, failure=Failure.GIVEN_UP, **recorded, **RESET_TRIES)
        enqueue(KIND, order.pk)


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
        _move(order, OrderState.FAILED, failure=failure, reason=reason, **RESET_TRIES)
    enqueue(KIND, order.pk)


def _fail(order: Order, lease: Lease, failure: Failure, reason: str) -> RetryAfter | None:
    _move(order, OrderState.FAILED, reason=reason, failure=failure, **RESET_TRIES)
    return undo(order, lease)


def _move(
    order: Order, new: OrderState, *, reason: str = "", actor: User | None = None, **fields: object
) -> None:
    """Move the order by compare-and-set, and record the change. Nothing else writes its state."""
    old = OrderState(order.state)
    if new not in NEXT_STATES[old]:
        raise IllegalTransition(f"{old} to {new}")
    with transaction.atomic(savepoint=False):
        is_moved = compare_and_set(Order, order.pk, {"state": old}, state=new, **fields)
        if is_moved:
            StateChange.objects.create(
                order=order, old=old, new=new, reason=reason[:200], actor=actor
            )
            announcing.tell_ended(order, new, failure=fields.get("failure"))
            if old == OrderState.PENDING:
                bank_step.close_way(order)
            if new in NOT_COUNTED:
                limits.forget_order(order)
    if not is_moved:
        raise IllegalTransition(f"{old} to {new}: another worker moved it")
    # refresh_from_db would cost a query and drop the related rows that are loaded already.
    for name, value in {"state": new.value, **fields}.items():
        setattr(order, name, value)
    log.info("order moved", old=old, new=new, reason=reason)
