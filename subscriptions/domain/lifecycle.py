"""What happens to lines and their subscriptions. All of it is safe to run again."""

import calendar
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Least
from django.utils.timezone import now

from accounts.models import User
from esim.models import Sim
from esim.states import SimState
from moportal.statements import compare_and_set
from plans.models import Category, Plan
from subscriptions.domain import allocation
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
        Bucket.objects.create(
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
        line = Line.objects.create(account=account, msisdn=sim.msisdn)
        SimOnLine.objects.create(line=line, sim=sim, since=now())
        compare_and_set(Sim, sim.pk, {}, state=SimState.IN_USE)
        return line
    if stay.line.account_id != account.pk:
        raise SimOfAnother(sim.iccid)
    return stay.line


def _stay(sim: Sim) -> SimOnLine | None:
    return SimOnLine.objects.filter(sim=sim, until=None).select_related("line").first()


@transaction.atomic(savepoint=False)
def start(subscription: Subscription, *, at: datetime) -> None:
    """Let the plan's time run from now on: the order is complete."""
    assert subscription.plan is not None  # noqa: S101 -- only a sold plan is ever prepared
    period = {"starts_at": at, "ends_at": end_of_period(subscription.plan, at)}
    is_prepared = {"state": SubscriptionState.PREPARED}
    if compare_and_set(
        Subscription, subscription.pk, is_prepared, state=SubscriptionState.ACTIVE, **period
    ):
        allocation.reallocate(subscription.line_id, since=at)


@transaction.atomic
def withdraw(subscription: Subscription) -> None:
    """Take back what was prepared; the SIM leaves a line that held nothing else."""
    prepared = Subscription.objects.filter(pk=subscription.pk, state=SubscriptionState.PREPARED)
    if not prepared.update(state=SubscriptionState.CANCELLED):
        return
    line = subscription.line
    if not line.subscriptions.exclude(state=SubscriptionState.CANCELLED).exists():
        line.sims.filter(until=None).update(until=now())


@transaction.atomic(savepoint=False)
def end(subscription: Subscription) -> None:
    """Let a running plan end at once: it was taken back.

    Its time ends now, so that what is used from now on is taken from other plans, and what was used
    before from this one, however late that is told.
    """
    at = now()
    running = Subscription.objects.filter(pk=subscription.pk, state=SubscriptionState.ACTIVE)
    if running.update(state=SubscriptionState.CANCELLED, ends_at=Least("ends_at", at)):
        allocation.reallocate(subscription.line_id, since=at)


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
    SimOnLine.objects.create(line=stay.line, sim=new, since=at)
    Sim.objects.filter(pk=new.pk).update(state=SimState.IN_USE)


def end_of_period(plan: Plan, start: datetime, *, number: int = 1) -> datetime:
    """Return when a period ends, the first one or a later one of those that begin with this start.

    n days are n times 24 hours. A month ends on its anchor day in the operator's billing zone, or
    on the month's last day where that is earlier: 31 January, 28 February, 31 March (contract,
    section 8).
    """
    if plan.category != Category.RECURRING:
        return start + number * timedelta(days=plan.validity_days)
    anchor = start.astimezone(ZoneInfo(settings.BILLING_ZONE))
    years, month = divmod(anchor.month - 1 + number, 12)
    year, month = anchor.year + years, month + 1
    day = min(anchor.day, calendar.monthrange(year, month)[1])
    return anchor.replace(year=year, month=month, day=day).astimezone(UTC)
