"""Repair a sold eSIM, free of charge: issue a new one on the same order, or release the old one.

A command stores the row and enqueues it. Only workers carry it out;
`advance_repair` reads what is stored each time, so it may run twice. The customer
has paid, so it is tried until it is done.
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
from moportal.http_client import ServiceUnavailable
from orders.models import Order, Repair
from orders.queries.orders import has_left_plan, open_repair, return_of
from orders.states import OrderState, RepairKind, RepairState
from outbox.domain import Lease, LeaseLost, RetryAfter, enqueue
from outbox.retries import count_failure
from subscriptions.domain import activation
from subscriptions.domain import lifecycle as subscriptions
from subscriptions.networks.base import NetworkRefused

log = structlog.get_logger(__name__)
KIND = "repair"


class NothingToRepair(Exception):
    """The order has no eSIM that could be issued again, or too many were issued already."""


class LeftPlan(Exception):
    """The old eSIM has left the plan's line, for example because its device was removed."""


def has_esim(order: Order) -> bool:
    """Return whether an eSIM was sold with the order, and is not taken back or removed."""
    is_sold = order.state == OrderState.COMPLETED and order.profile is not None
    return is_sold and return_of(order) is None and not has_left_plan(order)


def may_be_reissued(order: Order) -> bool:
    """Return whether the customer can have one more new eSIM. Failed repairs count, too."""
    # The open repair does not count: asking again while it runs returns the same repair.
    ended = order.repairs.filter(kind=RepairKind.REISSUE).exclude(state=RepairState.ASKED)
    limit: int = settings.REISSUE_LIMIT
    return has_esim(order) and ended.count() < limit


def reissue(
    order: Order, *, actor: User, because: str, visit: Visit | None = None, eid: str = ""
) -> Repair:
    """Request a new eSIM on this order. If a repair is under way, return that repair instead.

    The new eSIM is bound to `eid`, the launch's device. If `eid` is empty, it is bound to the
    order's device. Customers may do this `REISSUE_LIMIT` times, staff without a limit. Raises
    `NothingToRepair`.
    """
    is_allowed = has_esim if actor.is_staff else may_be_reissued
    device = eid or order.eid
    return _request(
        order,
        is_allowed,
        kind=RepairKind.REISSUE,
        because=because,
        asked_by=actor,
        visit=visit,
        eid=device,
    )


def release(order: Order, *, actor: User, because: str, visit: Visit | None = None) -> Repair:
    """Request the release of the order's profile at the SM-DP+. Raises `NothingToRepair`."""
    return _request(
        order,
        has_esim,
        kind=RepairKind.RELEASE,
        because=because,
        asked_by=actor,
        visit=visit,
        eid=order.eid,
    )


def _request(order: Order, is_allowed: Callable[[Order], bool], **columns: Any) -> Repair:
    with transaction.atomic():
        # Read the order again, because its eSIM may have been replaced. The row lock
        # makes a second click or a return wait, so that it sees this repair.
        fresh = Order.objects.select_for_update().get(pk=order.pk)
        if under_way := open_repair(fresh):
            return under_way
        if fresh.profile is None or not is_allowed(fresh):
            raise NothingToRepair(order.number)
        repair = Repair.objects.create(order=order, old_profile=fresh.profile, **columns)
        enqueue(KIND, repair.pk)
    log.info("repair asked", order=order.number, kind=repair.kind, because=repair.because)
    return repair


def advance_repair(subject: str, lease: Lease) -> RetryAfter | None:
    """Advance a repair as far as possible now; the outbox's handler for repairs."""
    related = (
        "order__plan",
        "order__visit",
        "order__subscription",
        "order__running_plan",
        "old_profile__sim",
        "new_profile",
    )
    repair = Repair.objects.select_related(*related).get(pk=subject)
    structlog.contextvars.bind_contextvars(order=repair.order.number, repair=repair.pk)
    if repair.state != RepairState.ASKED:
        return None
    try:
        _advance(repair, lease)
    except LeaseLost:
        raise
    except provisioning.ProfileRefused as error:
        return _give_up(repair, lease, f"refused by the SM-DP+: {error}"[:200])
    # Staff fill an empty pool, so the repair waits for that like for a service.
    except (ServiceUnavailable, pool.PoolEmpty, NetworkRefused) as error:
        return RetryAfter(count_failure(repair, error))
    except Exception as error:
        # A bug must not leave the customer without an eSIM for ever. It
        # counts as a failed attempt.
        log.exception("unexpected error")
        return RetryAfter(count_failure(repair, error))
    return None


def _give_up(repair: Repair, lease: Lease, last_error: str) -> RetryAfter | None:
    """Fail a repair whose new eSIM was refused, and cancel that eSIM at the SM-DP+."""
    try:
        _cancel_new_esim(repair, lease)
    except provisioning.SmdpUnavailable as error:
        return RetryAfter(count_failure(repair, error))
    _end(repair, RepairState.FAILED, last_error=last_error)
    return None


def _cancel_new_esim(repair: Repair, lease: Lease) -> None:
    new = repair.new_profile
    if new and not provisioning.cancel(new, before_call=lease.cover_call):
        # A device has downloaded it all the same. No plan may be put on its ICCID.
        provisioning.retire(new)


def _advance(repair: Repair, lease: Lease) -> None:
    if repair.kind == RepairKind.RELEASE:
        provisioning.release(repair.old_profile, before_call=lease.cover_call)
        _end(repair, RepairState.DONE)
        return
    if repair.order.profile_id != repair.old_profile_id:
        # An earlier repair has replaced this eSIM already.
        _end(repair, RepairState.FAILED, last_error="the order has another eSIM by now")
        return
    try:
        _issue_again(repair, lease)
    except LeftPlan:
        _take_back(repair, lease)


def _issue_again(repair: Repair, lease: Lease) -> None:
    """Put a new eSIM in the old one's place. Raises `LeftPlan` if that place is gone."""
    subscription, old = repair.order.plan_in_use, repair.old_profile.sim
    assert subscription is not None  # noqa: S101 -- constraint completed_order_was_charged_and_has_its_plan
    if not subscriptions.has_sim(subscription, old):
        raise LeftPlan(old.iccid)
    profile_type = _profile_type(repair)
    if repair.new_profile is None:
        # Check the stock first: do not cancel the old eSIM if there is no new one.
        pool.check_stock(profile_type, market=repair.order.visit.market)
        if not provisioning.cancel(repair.old_profile, before_call=lease.cover_call):
            _end(repair, RepairState.REFUSED, last_error="downloaded already")
            return
        _reserve_profile(repair, profile_type)
    assert repair.new_profile is not None  # noqa: S101 -- `_reserve_profile` has set it
    sim = provisioning.make_ready(repair.new_profile, before_call=lease.cover_call).sim
    activation.activate(subscription, sim, before_call=lease.cover_call)
    # The plan's other SIMs keep it.
    activation.deactivate(subscription, old, before_call=lease.cover_call)
    _replace_esim(repair, repair.new_profile)


def _take_back(repair: Repair, lease: Lease) -> None:
    """End the repair of an eSIM that has left its plan. The new eSIM must not stay active."""
    subscription, new = repair.order.plan_in_use, repair.new_profile
    if subscription is not None and new is not None:
        activation.deactivate(subscription, new.sim, before_call=lease.cover_call)
    _cancel_new_esim(repair, lease)
    _end(repair, RepairState.FAILED, last_error="the eSIM has left the plan")


def _profile_type(repair: Repair) -> str:
    """Return the plan's profile type, or its other type if the first did not fit the device."""
    plan = repair.order.plan
    is_misfit = repair.because == "NoEligibleProfileForThisDevice"
    if is_misfit and plan.other_profile_type:
        return plan.other_profile_type
    return plan.profile_type


@transaction.atomic
def _reserve_profile(repair: Repair, profile_type: str) -> None:
    market = repair.order.visit.market
    # Race: the ICCID is taken from the pool in the same transaction that gives it to the
    # repair. A worker that lost its lease rolls both back.
    profile = pool.intend(eid=repair.eid, profile_type=profile_type, market=market)
    mine = Repair.objects.filter(pk=repair.pk, state=RepairState.ASKED, new_profile=None)
    if not mine.update(new_profile=profile):
        raise LeaseLost(repair.pk)
    repair.new_profile = profile


@transaction.atomic
def _replace_esim(repair: Repair, profile: Profile) -> None:
    _end(repair, RepairState.DONE)
    mine = Order.objects.filter(pk=repair.order_id, profile=repair.old_profile)
    if not mine.update(profile=profile, eid=repair.eid, handed_over_at=None):
        raise LeaseLost(repair.pk)
    # Race: the device may have been removed since it was checked. The rollback undoes the rest.
    if not subscriptions.replace_sim(repair.old_profile.sim, profile.sim):
        raise LeftPlan(profile.sim.iccid)


def _end(repair: Repair, state: RepairState, *, last_error: str = "") -> None:
    """End the repair by compare-and-set. Raises `LeaseLost` if another worker ended it first."""
    mine = Repair.objects.filter(pk=repair.pk, state=RepairState.ASKED)
    if not mine.update(state=state, ended_at=now(), last_error=last_error):
        raise LeaseLost(repair.pk)
    log.info("repair ended", state=state, last_error=last_error)
