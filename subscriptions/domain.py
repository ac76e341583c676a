"""What happens to lines and their subscriptions. All of it is safe to run again."""

import calendar
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.timezone import now

from accounts.models import User
from esim.models import Sim
from esim.states import SimState
from moportal.statements import compare_and_set, insert
from plans.models import Category, Plan
from subscriptions.models import Bucket, Line, SimOnLine, Subscription, SubscriptionState


class SimOfAnother(Exception):
    """The SIM is on a line of another customer."""


@transaction.atomic(savepoint=False)
def prepare(account: User, *, sim: Sim, plan: Plan, plan_name: str, reference: str) -> Subscription:
    """Put the plan on the SIM's line, not counting yet; a new line where the SIM has none.

    `reference` (the order's number) makes it one subscription however often it is asked for.
    Raises `SimOfAnother`.
    """
    line = _line_of(account, sim)
    subscription, is_new = Subscription.objects.get_or_create(
        reference=reference, defaults={"line": line, "plan": plan, "plan_name": plan_name}
    )
    if is_new:
        countries = list(plan.countries.values_list("country", flat=True))
        kind = Bucket.Kind.ALLOWANCE if plan.is_metered else Bucket.Kind.UNLIMITED
        insert(
            Bucket,
            subscription=subscription,
            kind=kind,
            total_bytes=plan.data_bytes or 0,
            countries=countries,
        )
    return subscription


def _line_of(account: User, sim: Sim) -> Line:
    # What the pool has just given is on no line yet.
    is_fresh = sim.state == SimState.RESERVED
    stay = None if is_fresh else _stay(sim)
    if stay is None:
        line = insert(Line, account=account, msisdn=sim.msisdn)
        insert(SimOnLine, line=line, sim=sim, since=now())
        compare_and_set(Sim, sim.pk, {}, state=SimState.IN_USE)
        return line
    if stay.line.account_id != account.pk:
        raise SimOfAnother(sim.iccid)
    return stay.line


def _stay(sim: Sim) -> SimOnLine | None:
    return SimOnLine.objects.filter(sim=sim, until=None).select_related("line").first()


def start(subscription: Subscription, *, at: datetime) -> None:
    """Let the plan's time run from now on: the order is complete."""
    assert subscription.plan is not None  # noqa: S101 -- only a sold plan is ever prepared
    period = {"starts_at": at, "ends_at": end_of_period(subscription.plan, at)}
    is_prepared = {"state": SubscriptionState.PREPARED}
    compare_and_set(
        Subscription, subscription.pk, is_prepared, state=SubscriptionState.ACTIVE, **period
    )


@transaction.atomic
def withdraw(subscription: Subscription) -> None:
    """Take back what was prepared; the SIM leaves a line that held nothing else."""
    prepared = Subscription.objects.filter(pk=subscription.pk, state=SubscriptionState.PREPARED)
    if not prepared.update(state=SubscriptionState.CANCELLED):
        return
    line = subscription.line
    if not line.subscriptions.exclude(state=SubscriptionState.CANCELLED).exists():
        line.sims.filter(until=None).update(until=now())


def end(subscription: Subscription) -> None:
    """Let a running plan end at once: it was taken back."""
    Subscription.objects.filter(pk=subscription.pk, state=SubscriptionState.ACTIVE).update(
        state=SubscriptionState.CANCELLED
    )


def take_off(sim: Sim) -> None:
    """Let a SIM that is out of use leave its line."""
    SimOnLine.objects.filter(sim=sim, until=None).update(until=now())


@transaction.atomic
def replace_sim(old: Sim, new: Sim) -> None:
    """Let a new profile take the place of one that never reached its device.

    Its row on the line is closed and the new one's opened; the plan on the line is the same.
    """
    at = now()
    stay = _stay(old)
    if stay is None:
        return
    SimOnLine.objects.filter(pk=stay.pk).update(until=at)
    insert(SimOnLine, line=stay.line, sim=new, since=at)
    Sim.objects.filter(pk=new.pk).update(state=SimState.IN_USE)


def end_of_period(plan: Plan, start: datetime) -> datetime:
    """Return when a period that starts now ends (contract, section 8).

    n days are n times 24 hours; a month ends on the same day of the next one, or on its last day
    where that one is shorter.
    """
    if plan.category != Category.RECURRING:
        return start + timedelta(days=plan.validity_days)
    year, month = start.year + start.month // 12, start.month % 12 + 1
    day = min(start.day, calendar.monthrange(year, month)[1])
    return start.replace(year=year, month=month, day=day)
