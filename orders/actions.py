"""What staff can do with an order (`moportal.actions`)."""

from typing import Any

from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q, QuerySet

from accounts.access.limiter import Locked
from moportal.actions import Action, Refusals
from orders.domain import by_staff, repairing, returning
from orders.domain.moving import IllegalTransition
from orders.models import Order, Repair
from orders.queries.orders import not_undone, return_of, waiting_for_setting
from orders.states import OrderState, RepairState, ReturnState
from payments.domain.staff_limit import REACHED
from subscriptions.models import SimOnLine

# What staff read when an action is not possible.
NOT_WAITING: Refusals = {
    IllegalTransition: "This order is not waiting for staff.",
    Locked: REACHED,
}
NOT_RETURNED: Refusals = {
    returning.NothingToReturn: (
        "This order is not complete, is already refunded, or its eSIM is being repaired."
    ),
    returning.ChargeDisputed: (
        "A dispute about its charge is open or lost. Nothing is refunded meanwhile."
    ),
    Locked: REACHED,
}
NOT_REPAIRED: Refusals = {repairing.NothingToRepair: "This order has no eSIM that can be replaced."}


def orders_to_act_on(account: int) -> QuerySet[Order]:
    """Return the customer's orders with the facts that the actions below ask for."""
    in_use = Q(line=OuterRef("subscription__line")) | Q(line=OuterRef("running_plan__line"))
    on_line = SimOnLine.objects.filter(in_use, sim=OuterRef("profile__sim"), until=None)
    repairs = Repair.objects.filter(order=OuterRef("pk"), state=RepairState.ASKED)
    is_stuck = ExpressionWrapper(not_undone() | waiting_for_setting(), BooleanField())
    orders = Order.objects.filter(account=account)
    return orders.select_related("payment__method", "taken_back", "account").annotate(
        is_stuck=is_stuck, is_being_repaired=Exists(repairs), has_esim_on_line=Exists(on_line)
    )


def _waits(order: Any) -> bool:
    return order.state == OrderState.HELD or bool(order.is_stuck)


def _is_held(order: Order) -> bool:
    return order.state == OrderState.HELD


def _can_be_returned(order: Any) -> bool:
    before, payment = return_of(order), order.payment
    if payment and (payment.is_disputed or payment.lost_minor_units == payment.minor_units):
        return False
    is_taken_back = before is not None and before.state != ReturnState.REFUSED
    return order.state == OrderState.COMPLETED and not (is_taken_back or order.is_being_repaired)


def _has_esim(order: Any) -> bool:
    is_sold = order.state == OrderState.COMPLETED and return_of(order) is None
    return is_sold and order.has_esim_on_line and not order.is_being_repaired


def _label(order: Order) -> str:
    return f"order {order.display_number}, {order.plan_name}, {order.price.gross}"


RETRY = Action(
    name="retry-order",
    title="Retry",
    permission="orders.retry_order",
    rows=orders_to_act_on,
    is_possible=_waits,
    label=_label,
    consequence=(
        "The order goes on where it stopped. The customer is charged once at most, and gets the "
        "plan if it completes. If it cannot be completed, it waits for staff again."
    ),
    say=(
        "Your order has stopped on our side. I have started it again. You see the result on the "
        "order's page in a few minutes, and you are not charged twice."
    ),
    run=lambda order, actor, _values: by_staff.resume(order, actor=actor),
    refusals=NOT_WAITING,
)
GIVE_UP = Action(
    name="give-up-order",
    title="Give up and refund",
    permission="orders.refund_order",
    rows=orders_to_act_on,
    is_possible=_is_held,
    label=_label,
    consequence=(
        "The order fails. The whole charge goes back, or is not taken, and the eSIM is cancelled. "
        "This cannot be undone."
    ),
    say=(
        "We cannot complete your order. You get the whole amount back by the same payment method. "
        "The bank may need some days to show it."
    ),
    run=lambda order, actor, values: by_staff.give_up(
        order, actor=actor, because=values["because"]
    ),
    refusals=NOT_WAITING,
)
TAKE_BACK = Action(
    name="take-back-order",
    title="Refund and end the plan",
    permission="orders.refund_order",
    rows=orders_to_act_on,
    is_possible=_can_be_returned,
    label=_label,
    consequence=(
        "The plan ends at once, an eSIM that is not installed is cancelled, and what is left of "
        "the charge goes back. If the order has added a device, that device leaves the plan. This "
        "cannot be undone."
    ),
    say=(
        "I have taken your order back. The plan ends now, and you get the amount back by the same "
        "payment method. You get a message with the credit note."
    ),
    run=lambda order, actor, values: returning.request_return(
        order, actor=actor, because=values["because"]
    ),
    refusals=NOT_RETURNED,
)
REISSUE = Action(
    name="reissue-esim",
    title="Issue a new eSIM",
    permission="orders.reissue_esim",
    rows=orders_to_act_on,
    is_possible=_has_esim,
    label=_label,
    consequence=(
        "A new eSIM takes the old one's place, free of charge, on the same plan. The old one is "
        "cancelled. If a device has downloaded it already, nothing changes. The timeline says so."
    ),
    say=(
        "I have ordered a new eSIM for your plan. It costs nothing. Open your account on the "
        "device in a minute or two, and choose Install."
    ),
    run=lambda order, actor, _values: repairing.reissue(order, actor=actor, because="staff"),
    refusals=NOT_REPAIRED,
)
RELEASE = Action(
    name="release-esim",
    title="Release the eSIM again",
    permission="orders.reissue_esim",
    rows=orders_to_act_on,
    is_possible=_has_esim,
    label=_label,
    consequence=(
        "The SM-DP+ is asked to make the same eSIM ready for download. Use it when the device says "
        "that the eSIM is not released."
    ),
    say="I have made your eSIM ready again. Try the download again in a minute or two.",
    run=lambda order, actor, _values: repairing.release(order, actor=actor, because="staff"),
    refusals=NOT_REPAIRED,
)
ACTIONS = (RETRY, REISSUE, RELEASE, GIVE_UP, TAKE_BACK)
