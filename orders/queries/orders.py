"""Queries for drafts and orders. Those for a customer find only the customer's own."""

from datetime import timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.timezone import now

from accounts.models import User
from esim.models import Sim
from esim.states import ProfileState
from mobileplans.models import Visit
from orders.models import Draft, Order, Repair, Return
from orders.states import TRIES_BEFORE_STAFF, OrderState, RepairState, ReturnState
from outbox.retries import SHORT_TRIES
from payments.domain import codes
from payments.models import Payment, PaymentMethod
from payments.states import PaymentState
from subscriptions.models import SimOnLine, Takeover

RECENT = timedelta(hours=24)


def orders_of(account: User) -> QuerySet[Order]:
    """Return the customer's orders, newest first, with the related rows that pages show."""
    related = (
        "visit",
        "payment__method",
        "profile__sim",
        "profile__provider",
        "sim",
        "subscription",
        "running_plan",
        "plan",
        "payment__receipt",
        "taken_back",
    )
    return Order.objects.filter(account=account).select_related(*related)


def draft_of(account: User) -> Draft | None:
    """Return the customer's open draft, if there is one."""
    return Draft.objects.select_related("method").filter(account=account, submitted_at=None).first()


def takes_code(order: Order) -> bool:
    """Return whether the customer can type the gateway's code now."""
    payment = order.payment
    if payment is None or order.state != OrderState.PENDING or order.cancel_requested_at:
        return False
    return (
        payment.waits_for_code
        and not codes.is_being_checked(payment)
        and codes.tries_left(payment) > 0
    )


def preferred_method(methods: list[PaymentMethod]) -> PaymentMethod | None:
    """Return the newest method without a refused payment, or None."""
    refused = Payment.objects.filter(method__in=methods, state=PaymentState.DECLINED)
    refused_ids = set(refused.values_list("method_id", flat=True))
    return next((method for method in methods if method.pk not in refused_ids), None)


def order_of_iccid(account: User, iccid: str) -> Order | None:
    """Return the customer's completed order whose eSIM or SIM card has, or had, this ICCID.

    The order that the profile was issued for comes before later plans on the same profile.
    """
    if not iccid:
        return None
    mine = orders_of(account).filter(state=OrderState.COMPLETED)
    issued = mine.filter(profile__sim__iccid=iccid).first()
    replaced = mine.filter(repairs__old_profile__sim__iccid=iccid).first()
    return issued or replaced or mine.filter(sim__iccid=iccid).first()


def any_order_of_iccid(iccid: str) -> Order | None:
    """Return the order of this ICCID, for staff: of any customer and in any state.

    The order that the profile was issued for comes before other orders.
    """
    if not iccid:
        return None
    found = Order.objects.select_related("account")
    unused = Q(profile__state=ProfileState.UNUSED)
    issued = found.filter(profile__sim__iccid=iccid).exclude(unused).first()
    replaced = found.filter(repairs__old_profile__sim__iccid=iccid).first()
    return issued or replaced or found.filter(sim__iccid=iccid).first()


def esims_to_install(account: User) -> QuerySet[Order]:
    """Return the customer's orders whose eSIM no device has confirmed yet."""
    waiting = orders_of(account).filter(state=OrderState.COMPLETED, taken_back=None)
    return waiting.filter(profile__state=ProfileState.RELEASED)


def open_repair(order: Order) -> Repair | None:
    """Return the open repair of the order's eSIM, if there is one."""
    return order.repairs.select_related("new_profile").filter(state=RepairState.ASKED).first()


def return_of(order: Order) -> Return | None:
    """Return the order's return, open or ended, if there is one."""
    found: Return | None = getattr(order, "taken_back", None)
    return found


def has_lost_sim(order: Order) -> bool:
    """Return whether another customer has proven that the order's SIM is theirs."""
    plan = order.plan_in_use
    if order.sim_id is None or plan is None:
        return False
    lost = Takeover.objects.filter(old__sim=order.sim_id, old__line=plan.line_id)
    return lost.exists()


def has_left_plan(order: Order) -> bool:
    """Return whether the customer has removed the order's device from its plan."""
    plan, sim = order.plan_in_use, order.sim_in_use
    if plan is None or sim is None:
        return False
    return not SimOnLine.objects.filter(line=plan.line_id, sim=sim, until=None).exists()


def can_be_handed_over(order: Order) -> bool:
    """Return whether a completed order can be handed over: its SIM or its code is usable."""
    if return_of(order):
        return False
    if has_left_plan(order):
        return False
    if order.profile is None:
        return True
    is_usable = order.profile.state in {ProfileState.RELEASED, ProfileState.DOWNLOADED}
    return is_usable and open_repair(order) is None


def is_for_this_device(order: Order, visit: Visit) -> bool:
    """Return whether the order is this visit's, or is for its device and not handed over yet."""
    if order.visit_id == visit.pk:
        return True
    card = order.sim.iccid if order.sim and order.sim.kind == Sim.Kind.PHYSICAL else ""
    return order.handed_over_at is None and (order.eid, card) == (visit.eid, visit.iccid)


def not_undone() -> Q:
    """Return the condition for failed or cancelled orders that many attempts have not undone."""
    failed_or_cancelled = Q(state__in=[OrderState.FAILED, OrderState.CANCELLED])
    return failed_or_cancelled & Q(undone_at=None, tries__gt=TRIES_BEFORE_STAFF)


def waiting_for_setting() -> Q:
    """Return the condition for orders that are not charged and wait for a corrected setting.

    Any other such order would have failed after the short tries.
    """
    running = Q(state__in=[OrderState.IN_PROGRESS, OrderState.PENDING])
    return running & Q(charge_decided_at=None, tries__gt=SHORT_TRIES)


def needing_staff(orders: QuerySet[Order]) -> QuerySet[Order]:
    """Return the orders that staff must look after.

    These are: held orders; failed or cancelled orders that could not be undone after many tries;
    orders that wait for a corrected setting; orders whose repair or return has had many tries;
    orders whose return was refused; and orders whose SIM another customer took over, until staff
    have decided about a refund.
    """
    many = TRIES_BEFORE_STAFF
    return orders.filter(
        Q(state=OrderState.HELD)
        | not_undone()
        | waiting_for_setting()
        | Q(repairs__state=RepairState.ASKED, repairs__tries__gt=many)
        | Q(taken_back__state=ReturnState.ASKED, taken_back__tries__gt=many)
        | Q(taken_back__state=ReturnState.REFUSED)
        | _undecided_takeover()
    ).distinct()


def _undecided_takeover() -> Q:
    undecided = Takeover.objects.filter(
        decided_at=None,
        old__sim=OuterRef("sim"),
        old__line=OuterRef("subscription__line"),
    )
    return Q(Exists(undecided), state=OrderState.COMPLETED, taken_back=None)


def order_to_hand_over(account: User, visit: Visit) -> Order | None:
    """Return the customer's newest recent order for this device that was not handed over yet."""
    return _orders_to_hand_over(account).filter(eid=visit.eid).first()


def _orders_to_hand_over(account: User) -> QuerySet[Order]:
    """Return the customer's recent orders, running or complete, that were not handed over yet."""
    waiting = orders_of(account).filter(
        handed_over_at=None, created_at__gte=now() - RECENT, taken_back=None
    )
    return waiting.exclude(state__in=[OrderState.FAILED, OrderState.CANCELLED])


def unfinished_visit(account: User, **_signal: Any) -> Visit | None:
    """Return the latest visit with the customer's open draft or an order to hand over, or None.

    It is a signal receiver: `mobileplans` asks for this visit after a sign-in, but may not call
    `orders`.

    A refused visit is finished: nothing can be bought in it.
    """
    drafts = Draft.objects.filter(account=account, submitted_at=None)
    orders = _orders_to_hand_over(account)
    mine = Q(pk__in=drafts.values("visit")) | Q(pk__in=orders.values("visit"))
    return Visit.objects.filter(mine, refused_as="").order_by("-pk").first()
