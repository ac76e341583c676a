"""Deliver a new plan: make the eSIM ready, put the plan on its line, activate it, start it."""

from datetime import datetime

from django.db import transaction

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


def prepare(order: Order, lease: Lease) -> None:
    """Make the eSIM ready and activate the plan on it. All of it can be undone."""
    sim = make_sim_ready(order, lease)
    check_code(order)
    subscription = _put_plan_on_line(order, sim)
    activation.activate(subscription, sim, before_call=lease.cover_call)
    if order.sim:
        # Other devices may share the line.
        for stay in sharing.devices_of(subscription):
            activation.activate(subscription, stay.sim, before_call=lease.cover_call)
    _check_sim(order, subscription)


def deliver(order: Order, at: datetime, mandate: Mandate | None) -> None:
    """Start the plan. Call it in the transaction that completes the order."""
    assert order.subscription is not None  # noqa: S101 -- `prepare` has set it
    subscriptions.start(order.subscription, at=at, mandate=mandate)


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
            market=order.visit.market,
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
