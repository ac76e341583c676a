"""Deliver one more device for a running plan: its SIM joins the line, active in the network."""

from datetime import datetime
from typing import Protocol

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from esim.models import Sim
from moportal.database.statements import compare_and_set
from orders.domain.esims import check_code, make_sim_ready
from orders.domain.moving import IllegalTransition
from orders.models import Order
from orders.states import OrderState
from outbox.domain import Lease
from payments.models import Mandate
from subscriptions.domain import activation, sharing
from subscriptions.domain import lifecycle as subscriptions
from subscriptions.models import SimOnLine, Subscription


class PutOnLine(Protocol):
    """Puts a SIM on the plan's line, and raises what `sharing.join` raises."""

    def __call__(
        self, subscription: Subscription, sim: Sim, *, proof: SimOnLine.Proof
    ) -> object: ...


def prepare(order: Order, lease: Lease) -> None:
    """Make the eSIM ready, put it on the plan's line and activate the plan on it.

    All of it can be undone. Until it is undone, the device counts as one of the plan's devices.
    """
    add_device(order, lease, put_on_line=sharing.join)


def add_device(order: Order, lease: Lease, *, put_on_line: PutOnLine) -> None:
    """Make the eSIM ready, put it on the plan's line in this way, and activate the plan on it."""
    sim = make_sim_ready(order, lease)
    check_code(order)
    plan = plan_of(order)
    _put_on_line(order, plan, sim, put_on_line)
    for one in sharing.plans_to_serve(plan):
        activation.activate(one, sim, before_call=lease.cover_call)


def claim(order: Order) -> None:
    """Keep the plan as it is until the charge is decided.

    Raises `sharing.NotShared` if the plan has ended or stopped meanwhile, or if the customer has
    removed the device again. Raises `SimOfAnother` if somebody has proven that the SIM is theirs.
    """
    plan, sim = plan_of(order), order.sim_in_use
    # Race: an end, or the begin of hold, waits for this lock. So either it is seen here, or it
    # comes after the order.
    sharing.lock(plan)
    sharing.check_shared(plan)
    if sim is None or not subscriptions.has_sim(plan, sim):
        raise subscriptions.SimOfAnother(order.number)


def deliver(_order: Order, _at: datetime, _mandate: Mandate | None) -> None:
    """Do nothing: the device shares the plan's periods and data already."""


def item_of(order: Order) -> str:
    """Return what the fee is for, in the customer's language."""
    with translation.override(order.language):
        return _("%(plan)s: another device") % {"plan": order.plan_name}


def take_off(order: Order, lease: Lease) -> None:
    """Take the order's SIM off the plan's line, and deactivate the line's plans on it."""
    sim = order.sim_in_use
    if sim is None:
        return
    plan = plan_of(order)
    sharing.leave(plan.line_id, sim)
    for one in sharing.plans_on_line(plan.line_id):
        activation.deactivate(one, sim, before_call=lease.cover_call)


def plan_of(order: Order) -> Subscription:
    """Return the running plan that the order is about."""
    plan = order.running_plan
    assert plan is not None  # noqa: S101 -- constraint order_names_a_running_plan_unless_it_buys_one
    return plan


def _put_on_line(order: Order, plan: Subscription, sim: Sim, put_on_line: PutOnLine) -> None:
    if order.charge_decided_at:
        return
    proof = SimOnLine.Proof.ISSUED if order.profile else SimOnLine.Proof.NONE
    with transaction.atomic():
        put_on_line(plan, sim, proof=proof)
        # If the order has ended meanwhile, the error below takes the SIM off the line again.
        expected = {"state": OrderState.IN_PROGRESS}
        if not compare_and_set(Order, order.pk, expected, line_is_new=False):
            raise IllegalTransition("the order has ended")
    order.line_is_new = False
