"""Take a completed order back: the plan ends, the eSIM is cancelled, the charge is refunded.

Staff ask for it. Only workers carry it out; `take_back` reads what is stored
each time, so it may run twice.
"""

from functools import partial
from typing import Any

import structlog
from django.db import transaction
from django.utils.timezone import now

from accounts.models import User
from esim.domain import provisioning
from moportal.money import Money
from orders.domain import announcing
from orders.domain.undoing import take_from_network, try_each
from orders.models import Order, Return
from orders.queries.orders import open_repair, return_of
from orders.states import OrderKind, OrderState, ReturnState
from outbox.domain import Lease, RetryAfter, enqueue
from outbox.retries import count_failure
from payments.domain import refunds
from payments.domain.staff_limit import count_refund
from payments.gateways.base import GatewayRefused
from payments.models import Payment
from payments.states import RefundKind
from subscriptions.domain import lifecycle as subscriptions
from subscriptions.domain import moves

log = structlog.get_logger(__name__)
KIND = "return"


class NothingToReturn(Exception):
    """The order is not complete, is taken back already, or its eSIM is being repaired."""


class ChargeDisputed(Exception):
    """A dispute about the order's charge is open, or was lost: the customer has the money."""


def request_return(
    order: Order,
    *,
    actor: User,
    because: str,
    withdraws_esim: bool = True,
    amount: Money | None = None,
) -> Return:
    """Ask for the order to be taken back and its charge to be refunded, or only this amount of it.

    A return that the gateway refused may be asked for again. Raises `NothingToReturn`, or
    `ChargeDisputed` while a dispute is open, or after a lost one, or `Locked` after too many
    refunds of the actor's. With an amount, it also raises what
    `payments.domain.refunds.reserve_refund` raises.
    """
    request = {"because": because, "withdraws_esim": withdraws_esim, "asked_by": actor}
    with transaction.atomic():
        # The row lock makes a second click, or a request for a new
        # eSIM, wait and see this return.
        fresh = Order.objects.select_for_update().get(pk=order.pk)
        before = return_of(fresh)
        is_taken_back = before is not None and before.state != ReturnState.REFUSED
        if fresh.state != OrderState.COMPLETED or is_taken_back or open_repair(fresh):
            raise NothingToReturn(order.number)
        if fresh.kind == OrderKind.MOVE and not _drop_move(fresh):
            raise NothingToReturn(order.number)
        payment = fresh.payment
        if payment and (payment.is_disputed or payment.lost_minor_units == payment.minor_units):
            raise ChargeDisputed(order.number)
        columns = {
            **request,
            **_sum_columns(payment, amount, because=because, actor=actor),
            "state": ReturnState.ASKED,
            "ended_at": None,
            "tries": 0,
        }
        order_return, _ = Return.objects.update_or_create(order=order, defaults=columns)
        enqueue(KIND, order_return.pk)
    log.info("return asked", order=order.number, actor=actor.pk)
    return order_return


def _drop_move(order: Order) -> bool:
    """Let the plan stay on its old device, and return whether it was still moving.

    Afterwards nothing is taken back: the plan would be on no device.
    """
    return moves.is_open(order.number) and moves.drop(order.number) is not None


def _sum_columns(
    payment: Payment | None, amount: Money | None, *, because: str, actor: User
) -> dict[str, Any]:
    """Return what the return stores about its sum, and reserve the refund of an amount."""
    if amount is None:
        count_refund(payment, actor=actor)
        return {"minor_units": None, "refund": None}
    refund = None
    if payment is not None and amount.minor_units:
        refund = refunds.reserve_refund(
            payment, amount, kind=RefundKind.ENDED, reason=because, actor=actor
        )
    return {"minor_units": amount.minor_units, "refund": refund}


def take_back(subject: str, lease: Lease) -> RetryAfter | None:
    """Carry out a return; the outbox's handler for returns.

    The plan ends first, so that nobody has both plan and money. If the order has only put another
    device on a running plan, the device leaves the plan, and the plan goes on. Then eSIM, service
    and money are each tried, even if one of them fails. It is the customer's money,
    so this is retried until it is done or refused.
    """
    related = (
        "order__payment__method",
        "order__profile__sim",
        "order__subscription__line",
        "order__running_plan__line",
        "refund__payment__method",
    )
    order_return = Return.objects.select_related(*related).get(pk=subject)
    order = order_return.order
    structlog.contextvars.bind_contextvars(order=order.number, order_return=order_return.pk)
    if order_return.state != ReturnState.ASKED:
        return None

    plan = order.plan_in_use
    assert plan is not None  # noqa: S101 -- constraint completed_order_was_charged_and_has_its_plan
    if not order.adds_device:
        subscriptions.end(plan)
    errors = try_each(
        partial(_withdraw_esim, order_return, lease),
        partial(take_from_network, order, plan, lease),
        partial(_give_back, order_return, lease),
    )

    refusal = next((error for error in errors if isinstance(error, GatewayRefused)), None)
    if refusal:
        _end(order_return, ReturnState.REFUSED, last_error=str(refusal))
        return None
    if errors:
        return RetryAfter(count_failure(order_return, *errors))
    _end(order_return, ReturnState.DONE)
    return None


def _withdraw_esim(order_return: Return, lease: Lease) -> None:
    """Cancel an eSIM that is on no device, and remove its ICCID from the line."""
    profile = order_return.order.profile
    if profile is None or not order_return.withdraws_esim:
        return
    if provisioning.cancel(profile, before_call=lease.cover_call):
        subscriptions.remove_from_line(profile.sim)


def _give_back(order_return: Return, lease: Lease) -> None:
    """Refund the sum that was decided, or what is left of the charge, if there was one."""
    payment = order_return.order.payment
    if order_return.minor_units is None and payment is not None:
        refunds.refund_rest(
            payment,
            kind=RefundKind.ENDED,
            reason=order_return.because,
            before_call=lease.cover_call,
        )
    elif order_return.refund is not None:
        refunds.send_reserved(order_return.refund, before_call=lease.cover_call)


def _end(order_return: Return, state: ReturnState, *, last_error: str = "") -> None:
    """End the return by compare-and-set; one that another worker ended first is left as it is."""
    mine = Return.objects.filter(pk=order_return.pk, state=ReturnState.ASKED)
    with transaction.atomic():
        is_ended = mine.update(state=state, ended_at=now(), last_error=last_error[:200])
        if is_ended and state == ReturnState.DONE:
            announcing.tell_taken_back(order_return)
    if is_ended:
        log.info("return ended", state=state, last_error=last_error)
