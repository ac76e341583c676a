"""The devices that share a plan: which they are, how one joins, and how one is removed.

Each SIM on the plan's line is a device (docs/contract.md#words). All of them use the same periods
and buckets.
"""

from datetime import timedelta

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.timezone import now

from accounts.models import User
from esim.domain import provisioning
from esim.models import Profile, Sim
from esim.states import SimState
from moportal.database.statements import compare_and_set
from moportal.http_client import ServiceUnavailable
from outbox.domain import Lease, RetryAfter, enqueue
from subscriptions.domain import activation
from subscriptions.domain.chosen import chosen_change
from subscriptions.domain.lifecycle import Proof, SimOfAnother, current_line, lock_line
from subscriptions.models import LiveSim, Master, PlanMove, SimOnLine, Subscription
from subscriptions.networks.base import NetworkRefused
from subscriptions.queries import usable_subscriptions
from subscriptions.states import OPEN_MOVE, RUNNING, SubscriptionState

log = structlog.get_logger(__name__)
KIND = "removed_device"
# A network or an SM-DP+ that is down, or a network that refuses, is asked again after this time.
INTERVAL = timedelta(minutes=2)


class NotShared(Exception):
    """No other device may join the plan now."""


class NoPlaceLeft(Exception):
    """The plan already has as many devices as may share it."""


class SimHasPlan(Exception):
    """The SIM is on a line of its own with a plan that runs."""


class StillLeaving(ServiceUnavailable):
    """The SIM was removed from the line, and the network may still have the plan active on it."""


class LastDevice(Exception):
    """The plan's only device cannot be removed. The customer can cancel the plan instead."""


class Moving(Exception):
    """The plan is just moving from this device, or to it. The customer can undo that instead."""


class NoSuchDevice(Exception):
    """The SIM has left the plan's line already."""


def devices_of(subscription: Subscription) -> QuerySet[SimOnLine]:
    """Return the SIMs that share the plan, the oldest first."""
    stays = SimOnLine.objects.filter(line=subscription.line_id, until=None)
    return stays.select_related("sim").order_by("pk")


def running_plans(account: User) -> list[Subscription]:
    """Return the customer's plans that run, are overdue or on hold, the oldest first."""
    own = Subscription.objects.filter(line__account=account, state__in=RUNNING)
    usable = usable_subscriptions(now()).values("pk")
    running = own.filter(Q(pk__in=usable) | Q(anchored_at__isnull=False))
    return list(running.select_related("plan", "line").order_by("pk"))


def plans_on_line(line: int) -> QuerySet[Subscription]:
    """Return the portal's plans of the line with this key that were not ended in the network."""
    plans = Subscription.objects.filter(line=line, master=Master.PORTAL)
    return plans.filter(ended_at=None).select_related("plan").order_by("pk")


def plans_to_serve(subscription: Subscription) -> QuerySet[Subscription]:
    """Return those of the line's plans that each of its SIMs can use."""
    return plans_on_line(subscription.line_id).filter(state__in=RUNNING)


def places_left(subscription: Subscription) -> int:
    """Return how many other devices may still join the plan, and the one that follows it."""
    change = chosen_change(subscription)
    plans = [subscription.plan, *([change.plan] if change else [])]
    more = min(plan.more_devices if plan else 0 for plan in plans)
    return max(0, 1 + more - places_taken(subscription))


def places_taken(subscription: Subscription) -> int:
    """Return how many devices share the plan.

    A device to which the plan moves takes the place of the one that leaves.
    """
    return devices_of(subscription).exclude(moves_in__state__in=OPEN_MOVE).count()


def plan_of_own(sim: Sim) -> Subscription | None:
    """Return a plan that runs on the line that the SIM is on, or None."""
    running = usable_subscriptions(now()).filter(state__in=RUNNING)
    on_hold = Subscription.objects.filter(state=SubscriptionState.ON_HOLD)
    on_line = Q(line__sims__sim=sim, line__sims__until=None)
    return (running | on_hold).filter(on_line).order_by("pk").first()


@transaction.atomic
def join(
    subscription: Subscription, sim: Sim, *, proof: SimOnLine.Proof, needs_place: bool = True
) -> SimOnLine:
    """Put a SIM on the plan's line, so that it shares the plan, and return its stay there.

    A SIM that is on the line already stays as it is. One that is on another line of the customer
    leaves that line. A SIM that takes another one's place needs no free place. Raises `NotShared`,
    `NoPlaceLeft`, `SimHasPlan`, `SimOfAnother` or `StillLeaving`.
    """
    line = lock_line(subscription.line_id)
    current = current_line(sim)
    if current is not None and current.line_id == line.pk:
        return current
    check_shared(subscription)
    if needs_place and not places_left(subscription):
        raise NoPlaceLeft(subscription.reference)
    if current is not None and current.line.account_id != line.account_id:
        raise SimOfAnother(sim.iccid)
    if plan_of_own(sim) is not None:
        raise SimHasPlan(sim.iccid)
    if LiveSim.objects.filter(sim=sim, until=None, subscription__line=line).exists():
        # Otherwise `take_off` might deactivate the plan after it was activated for this stay.
        raise StillLeaving(sim.iccid)

    at = now()
    if current is not None:
        SimOnLine.objects.filter(pk=current.pk).update(until=at)
        proof = Proof(current.proof)
    stay = SimOnLine.objects.create(line=line, sim=sim, since=at, proof=proof)
    # The constraint sim_is_on_one_line_at_a_time has already refused a SIM of another line.
    compare_and_set(Sim, sim.pk, {}, state=SimState.IN_USE)
    return stay


@transaction.atomic
def leave(key: int, sim: Sim) -> None:
    """Take a SIM off the line with this key, because it will not use the line's plans after all.

    A SIM that was on another line of the customer before goes back there.
    """
    line = lock_line(key)
    stay = SimOnLine.objects.filter(line=line, sim=sim, until=None).first()
    if stay is None:
        return
    at = now()
    SimOnLine.objects.filter(pk=stay.pk).update(until=at)
    before = SimOnLine.objects.filter(sim=sim, until=stay.since).select_related("line").first()
    if before is not None and before.line.account_id == line.account_id:
        SimOnLine.objects.create(line=before.line, sim=sim, since=at, proof=stay.proof)


def check_shared(subscription: Subscription) -> None:
    """Raise `NotShared` unless the plan is active and its time runs.

    Call it with the row locked, or before a page that only shows the plan.
    """
    subscription.refresh_from_db(fields=["state", "parked_because"])
    is_active = subscription.state == SubscriptionState.ACTIVE and not subscription.parked_because
    if not is_active or not usable_subscriptions(now()).filter(pk=subscription.pk).exists():
        raise NotShared(subscription.reference)


def lock(subscription: Subscription) -> None:
    """Lock the plan until the commit, so that it can neither end nor go on hold."""
    Subscription.objects.select_for_update(no_key=True).get(pk=subscription.pk)


@transaction.atomic
def remove(subscription: Subscription, number: int) -> SimOnLine:
    """Take a SIM off the plan's line. A worker then deactivates the line's plans on it.

    `number` is the key of its stay on the line. From now on it sees no balance, and what it uses
    is not taken from the plan. Raises `LastDevice`, `Moving` or `NoSuchDevice`.
    """
    lock_line(subscription.line_id)
    stays = {stay.pk: stay for stay in devices_of(subscription)}
    if number not in stays:
        raise NoSuchDevice(number)
    if len(stays) == 1:
        raise LastDevice(number)
    if moves_of_stay(number).exists():
        raise Moving(number)
    SimOnLine.objects.filter(pk=number).update(until=now())
    enqueue(KIND, number)
    log.info("device removed", plan=subscription.reference, iccid=stays[number].sim.iccid)
    return stays[number]


def moves_of_stay(number: int) -> QuerySet[PlanMove]:
    """Return the open moves that the stay with this key is part of: one at most."""
    return PlanMove.objects.filter(Q(old=number) | Q(new=number), state__in=OPEN_MOVE)


def take_off(subject: str, lease: Lease) -> RetryAfter | None:
    """Deactivate the line's plans on a SIM that was removed from it; the outbox's handler.

    An eSIM that is on no device yet is cancelled at the SM-DP+, because nobody can use it.
    """
    stay = SimOnLine.objects.select_related("sim").get(pk=subject)
    try:
        if deactivate(stay, lease):
            _withdraw_esim(stay, lease)
    except NetworkRefused:
        log.exception("network refuses to deactivate a plan: staff must act", stay=subject)
        return RetryAfter(INTERVAL)
    except ServiceUnavailable:
        return RetryAfter(INTERVAL)
    return None


def deactivate(stay: SimOnLine, lease: Lease) -> bool:
    """Deactivate the line's plans on the SIM of a stay that is over.

    Returns False if the customer has put the SIM on the line again. Raises what the network raises.
    """
    if SimOnLine.objects.filter(sim=stay.sim, line=stay.line_id, until=None).exists():
        return False
    for plan in plans_on_line(stay.line_id):
        activation.deactivate(plan, stay.sim, before_call=lease.cover_call)
    return True


def _withdraw_esim(stay: SimOnLine, lease: Lease) -> None:
    profile = Profile.objects.select_related("sim", "provider").filter(sim=stay.sim).first()
    if profile is not None:
        provisioning.cancel(profile, before_call=lease.cover_call)
