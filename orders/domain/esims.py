"""The SIM that an order puts a plan on: one that is there, or a new eSIM."""

from typing import NoReturn

from django.db import transaction

from esim.domain import pool, provisioning
from esim.models import Sim
from moportal.database.statements import compare_and_set
from orders.domain.moving import CancelWon, IllegalTransition
from orders.models import Order
from orders.states import OrderState
from outbox.domain import Lease


def make_sim_ready(order: Order, lease: Lease) -> Sim:
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


def check_code(order: Order) -> None:
    """Raise `InvalidActivationCode` if the eSIM could not be handed over: it is never charged."""
    if order.profile and order.charge_decided_at is None:
        _ = order.profile.activation_code
