"""Mending a sold eSIM: a new one on the same order, or the old one released; never charged.

A command writes the row and rings the outbox; `repair`, the outbox's handler, runs in workers
alone, reads the truth each time and may run twice. The customer has paid: what a service does not
answer is asked again until it does.
"""

from collections.abc import Callable
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.utils.timezone import now

from accounts.models import User
from esim.domain import pool, provisioning
from esim.models import Profile
from mobileplans.models import Visit
from orders.models import Order, Repair
from orders.queries.orders import open_repair, return_of
from orders.states import OrderState, RepairKind, RepairState
from outbox.domain import Lease, LeaseLost, RetryAfter, enqueue
from outbox.retries import count_failure
from subscriptions.domain import activation
from subscriptions.domain import lifecycle as subscriptions
from subscriptions.networks.base import NetworkRefused, NetworkUnavailable

log = structlog.get_logger(__name__)
KIND = "repair"


class NothingToRepair(Exception):
    """The order has no eSIM of its own that could be issued again, or not once more."""


def has_esim(order: Order) -> bool:
    """Say whether the order has an eSIM of its own: sold with it, and not taken back."""
    is_sold = order.state == OrderState.COMPLETED and order.profile is not None
    return is_sold and return_of(order) is None


def may_be_reissued(order: Order) -> bool:
    """Say whether the customer can still have a new eSIM: not too often, whatever came of it."""
    spent = order.repairs.filter(kind=RepairKind.REISSUE).exclude(state=RepairState.ASKED)
    limit: int = settings.REISSUE_LIMIT
    return has_esim(order) and spent.count() < limit


def reissue(
    order: Order, *, actor: User, because: str, visit: Visit | None = None, eid: str = ""
) -> Repair:
    """Ask for a new eSIM on this order; one that is under way already is that one.

    It is bound to `eid` (the device of the launch), or to the order's own. A customer may ask only
    so often, staff as often as they see fit. Raises `NothingToRepair`.
    """
    may_be = has_esim if actor.is_staff else may_be_reissued
    device = eid or order.eid
    return _ask(
        order,
        may_be,
        kind=RepairKind.REISSUE,
        because=because,
        asked_by=actor,
        visit=visit,
        eid=device,
    )


def release(order: Order, *, actor: User, because: str, visit: Visit | None = None) -> Repair:
    """Ask for the order's profile to be released at the SM-DP+. Raises `NothingToRepair`."""
    return _ask(
        order,
        has_esim,
        kind=RepairKind.RELEASE,
        because=because,
        asked_by=actor,
        visit=visit,
        eid=order.eid,
    )


def _ask(order: Order, may_be: Callable[[Order], bool], **said: Any) -> Repair:
    with transaction.atomic():
        # Read anew, as an eSIM may have been replaced since; and held, as a second press or a
        # refund may come at the same moment.
        fresh = Order.objects.select_for_update().get(pk=order.pk)
        if under_way := open_repair(fresh):
            return under_way
        if fresh.profile is None or not may_be(fresh):
            raise NothingToRepair(order.number)
        asked = Repair.objects.create(order=order, old_profile=fresh.profile, **said)
        enqueue(KIND, asked.pk)
    log.info("repair asked", order=order.number, kind=asked.kind, because=asked.because)
    return asked


def repair(subject: str, lease: Lease) -> RetryAfter | None:
    """Take a repair as far as it goes now; the outbox's handler for repairs."""
    related = (
        "order__plan",
        "order__visit",
        "order__subscription",
        "old_profile__sim",
        "new_profile",
    )
    asked = Repair.objects.select_related(*related).get(pk=subject)
    structlog.contextvars.bind_contextvars(order=asked.order.number, repair=asked.pk)
    if asked.state != RepairState.ASKED:
        return None
    try:
        _mend(asked, lease)
    except LeaseLost:
        raise
    except provisioning.ProfileRefused as error:
        return _give_up(asked, lease, f"refused by the SM-DP+: {error}"[:200])
    except (
        provisioning.SmdpUnavailable,
        pool.PoolEmpty,
        NetworkUnavailable,
        NetworkRefused,
    ) as error:
        return RetryAfter(count_failure(asked, error))
    except Exception as error:
        log.exception("unforeseen")
        return RetryAfter(count_failure(asked, error))
    return None


def _give_up(asked: Repair, lease: Lease, last_error: str) -> RetryAfter | None:
    """Leave nothing behind over there of a new eSIM that cannot be had."""
    new = asked.new_profile
    try:
        if new and not provisioning.cancel(new, before_call=lease.prolong):
            provisioning.retire(new)
    except provisioning.SmdpUnavailable as error:
        return RetryAfter(count_failure(asked, error))
    _end(asked, RepairState.FAILED, last_error=last_error)
    return None


def _mend(asked: Repair, lease: Lease) -> None:
    if asked.kind == RepairKind.RELEASE:
        provisioning.release(asked.old_profile, before_call=lease.prolong)
        _end(asked, RepairState.DONE)
        return
    if asked.order.profile_id != asked.old_profile_id:
        # Mended by another repair meanwhile: there is no second one of the same eSIM.
        _end(asked, RepairState.FAILED, last_error="the order has another eSIM by now")
        return
    profile_type = _profile_type(asked)
    if asked.new_profile is None:
        # Nobody's eSIM is taken away before there is another one for them.
        pool.look_for(profile_type, market=asked.order.visit.market)
        if not provisioning.cancel(asked.old_profile, before_call=lease.prolong):
            _end(asked, RepairState.REFUSED, last_error="downloaded already")
            return
        _intend(asked, profile_type)
    assert asked.new_profile is not None  # noqa: S101 -- just written
    sim = provisioning.make_ready(asked.new_profile, before_call=lease.prolong).sim
    assert asked.order.subscription is not None  # noqa: S101 -- constraint completed_order_was_charged_and_has_its_plan
    activation.activate(asked.order.subscription, sim, before_call=lease.prolong)
    _put_in_place(asked, asked.new_profile)


def _profile_type(asked: Repair) -> str:
    """Return the plan's other profile type where the first one does not fit the device."""
    plan = asked.order.plan
    misfit = asked.because == "NoEligibleProfileForThisDevice"
    return plan.other_profile_type if misfit and plan.other_profile_type else plan.profile_type


@transaction.atomic
def _intend(asked: Repair, profile_type: str) -> None:
    market = asked.order.visit.market
    profile = pool.intend(eid=asked.eid, profile_type=profile_type, market=market)
    mine = Repair.objects.filter(pk=asked.pk, state=RepairState.ASKED, new_profile=None)
    if not mine.update(new_profile=profile):
        raise LeaseLost(asked.pk)
    asked.new_profile = profile


@transaction.atomic
def _put_in_place(asked: Repair, profile: Profile) -> None:
    _end(asked, RepairState.DONE)
    mine = Order.objects.filter(pk=asked.order_id, profile=asked.old_profile)
    if not mine.update(profile=profile, eid=asked.eid, handed_over_at=None):
        raise LeaseLost(asked.pk)
    subscriptions.replace_sim(asked.old_profile.sim, profile.sim)


def _end(asked: Repair, state: RepairState, *, last_error: str = "") -> None:
    """Compare and set the repair's end; raises `LeaseLost` where another worker was first."""
    mine = Repair.objects.filter(pk=asked.pk, state=RepairState.ASKED)
    if not mine.update(state=state, ended_at=now(), last_error=last_error):
        raise LeaseLost(asked.pk)
    log.info("repair ended", state=state, last_error=last_error)
