"""Changes of lines and their subscriptions. Each is safe to repeat."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Least
from django.utils.timezone import now

from accounts.models import User
from esim.models import Sim
from esim.states import SimState
from moportal.database.statements import compare_and_set, insert_new
from outbox.domain import enqueue
from payments.models import Mandate
from plans.models import Category, Plan, PricedPlan
from subscriptions.domain import allocation
from subscriptions.domain.bounds import TOLD_BEFORE, end_of_period
from subscriptions.models import KIND, Bucket, Line, Period, PlanMove, SimOnLine, Subscription
from subscriptions.states import OPEN_MOVE, RUNNING, PeriodState, SubscriptionState

Proof = SimOnLine.Proof


class SimOfAnother(Exception):
    """The SIM is on a line of another customer."""


@transaction.atomic(savepoint=False)
def prepare(
    account: User,
    *,
    sim: Sim,
    plan: Plan,
    plan_name: str,
    reference: str,
    sold: PricedPlan | None = None,
    proof: SimOnLine.Proof = SimOnLine.Proof.NONE,
    market: str = "",
) -> Subscription:
    """Put the plan on the SIM's line in the state prepared: it cannot be used yet.

    Its first period has the price at which it was `sold`, if the portal sold it. A SIM without a
    line gets a new one, with this proof that it is the customer's. `reference` is the order's
    number: a second call with the same reference returns the same subscription. Raises
    `SimOfAnother`.
    """
    line = _line_of(account, sim, proof)
    subscription = Subscription(
        line=line, plan=plan, reference=reference, plan_name=plan_name, market=market
    )
    # get_or_create would take four statements.
    new_keys = insert_new([subscription])
    if not new_keys:
        return Subscription.objects.get(reference=reference)
    [subscription.pk] = new_keys
    price = sold.price_columns if sold else {"plan_name": plan_name}
    period = Period.objects.create(subscription=subscription, line=line, plan=plan, **price)
    create_bucket(period, plan)
    return subscription


def data_columns(plan: Plan) -> dict[str, Any]:
    """Return the columns of a bucket that say how much data the plan holds today."""
    kind = Bucket.Kind.ALLOWANCE if plan.is_metered else Bucket.Kind.UNLIMITED
    return {"kind": kind, "total_bytes": plan.data_bytes or 0}


def create_bucket(period: Period, plan: Plan) -> Bucket:
    """Create the bucket of a plan's period: a copy of what the plan holds today."""
    return Bucket.objects.create(
        period=period,
        **data_columns(plan),
        countries=list(plan.countries.values_list("country", flat=True)),
    )


def _line_of(account: User, sim: Sim, proof: SimOnLine.Proof) -> Line:
    # A SIM that was just reserved for an order is on no line yet. This saves a query.
    is_fresh = sim.state == SimState.RESERVED
    current = None if is_fresh else current_line(sim)
    if current is None:
        return put_on_new_line(account, sim, proof=proof).line
    if current.line.account_id != account.pk:
        raise SimOfAnother(sim.iccid)
    return current.line


def put_on_new_line(account: User, sim: Sim, *, proof: SimOnLine.Proof) -> SimOnLine:
    """Create a line of this customer with this SIM, which must be on no other line."""
    line = Line.objects.create(account=account, msisdn=sim.msisdn)
    on_line = SimOnLine.objects.create(line=line, sim=sim, since=now(), proof=proof)
    # The empty condition is right here: the insert above is refused if the SIM is on
    # another line (sim_is_on_one_line_at_a_time).
    compare_and_set(Sim, sim.pk, {}, state=SimState.IN_USE)
    return on_line


def lock_line(key: int) -> Line:
    """Lock the line with this key until the transaction is over.

    Race: of two changes of the SIMs on a line, the second sees what the first has done.
    """
    return Line.objects.select_for_update(no_key=True).get(pk=key)


def current_line(sim: Sim) -> SimOnLine | None:
    """Return the row of the line that the SIM is on, or None."""
    return SimOnLine.objects.filter(sim=sim, until=None).select_related("line").first()


@transaction.atomic(savepoint=False)
def start(subscription: Subscription, *, at: datetime, mandate: Mandate | None = None) -> None:
    """Start the plan's time when its order completes.

    A monthly plan renews from then on, under the mandate that the customer gave. Without one, the
    customer is asked for a payment method when the first period ends.
    """
    assert subscription.plan is not None  # noqa: S101 -- `prepare` has set it
    prepared = {"state": SubscriptionState.PREPARED}
    ends_at = end_of_period(subscription.plan, at)
    changes: dict[str, Any] = {"state": SubscriptionState.ACTIVE}
    if subscription.plan.category == Category.RECURRING:
        due_at = ends_at - TOLD_BEFORE
        changes |= {"anchored_at": at, "due_at": due_at, "mandate": mandate}
    # Race: of two workers that complete the order, one starts the plan. The other
    # one must not move its time.
    if not compare_and_set(Subscription, subscription.pk, prepared, **changes):
        return
    first = Period.objects.filter(subscription=subscription, number=1)
    first.update(state=PeriodState.PAID, starts_at=at, ends_at=ends_at, usable_until=ends_at)
    allocation.reallocate(subscription.line_id, since=at)


@transaction.atomic
def cancel(subscription: Subscription) -> None:
    """Cancel a prepared subscription. If the line has no other, its SIMs leave the line.

    A SIM stays if the customer, or staff, have proven whose it is.
    """
    prepared = {"state": SubscriptionState.PREPARED}
    if not compare_and_set(Subscription, subscription.pk, prepared, state=SubscriptionState.ENDED):
        return
    Period.objects.filter(subscription=subscription).update(state=PeriodState.LAPSED)
    line = subscription.line
    # A line without a plan must not keep a SIM that nobody has proven: the SIM could
    # not be sold to anybody else.
    if not line.subscriptions.exclude(state=SubscriptionState.ENDED).exists():
        unproven = line.sims.filter(until=None, proof__in=[Proof.NONE, Proof.ISSUED])
        unproven.update(until=now())


@transaction.atomic(savepoint=False)
def end(subscription: Subscription) -> None:
    """End a running plan at once, because its order is returned.

    Its time ends now. Data used from now on is taken from other plans. Data used before is still
    taken from this plan, however late its record arrives.
    """
    at = now()
    running = {"state": RUNNING}
    changes = {"state": SubscriptionState.ENDED, "due_at": None}
    if compare_and_set(Subscription, subscription.pk, running, **changes):
        cut_short(Period.objects.filter(subscription=subscription), at=at)
        allocation.reallocate(subscription.line_id, since=at)
        if subscription.renews:
            # What is authorised for the next period must be voided.
            enqueue(KIND, subscription.pk)


def cut_short(periods: QuerySet[Period], *, at: datetime) -> None:
    """End the usable time of these periods now. A period that is over keeps its end."""
    periods.filter(usable_until__isnull=False).update(usable_until=Least(F("usable_until"), at))


def name_line(line: Line, name: str) -> None:
    """Store the customer's own name for a line."""
    Line.objects.filter(pk=line.pk).update(name=name)


def has_sim(subscription: Subscription, sim: Sim) -> bool:
    """Return whether the SIM is still on the subscription's line."""
    return SimOnLine.objects.filter(line=subscription.line_id, sim=sim, until=None).exists()


def remove_from_line(sim: Sim) -> None:
    """Remove a SIM that is no longer used from its line."""
    SimOnLine.objects.filter(sim=sim, until=None).update(until=now())


@transaction.atomic
def replace_sim(old: Sim, new: Sim) -> bool:
    """Put a new profile on the line in place of one that never reached its device.

    The plan stays on the line. If the old profile is part of a move, the new one is from now on. If
    the old profile is on no line, nothing changes, and the answer is False.
    """
    current = current_line(old)
    if current is None:
        return False
    lock_line(current.line_id)
    at = now()
    # Race: the old profile may have left the line just before the lock.
    if not compare_and_set(SimOnLine, current.pk, {"until": None}, until=at):
        return False
    stay = SimOnLine.objects.create(line=current.line, sim=new, since=at, proof=Proof.ISSUED)
    moves = PlanMove.objects.filter(state__in=OPEN_MOVE)
    moves.filter(old=current).update(old=stay)
    moves.filter(new=current).update(new=stay)
    Sim.objects.filter(pk=new.pk).update(state=SimState.IN_USE)
    return True
