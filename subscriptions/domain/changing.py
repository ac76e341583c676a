"""Change a running plan at once for a dearer one, which an order pays.

The customer pays the new month, less the unused share of the running one, and nobody ever owes
anything by changing (docs/contract.md#subscriptions).

The order claims the plan in the transaction that decides its charge, by one UPDATE of the
subscription's row. The decision to charge a period, and a cancel, are an UPDATE of the same row.
So one of them comes first: nobody pays twice for one month.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import structlog
from django.db.models import F, Max
from django.db.models.functions import Least
from django.utils.timezone import now

from moportal.database.statements import compare_and_set
from moportal.money import Money
from outbox.domain import enqueue
from payments.domain import mandates
from payments.models import Mandate, Payment
from payments.states import MandateEnd
from plans.models import Plan
from plans.queries import Offer
from subscriptions.domain import allocation, announcing, chosen
from subscriptions.domain.bounds import TOLD_BEFORE, end_of_period
from subscriptions.domain.lifecycle import create_bucket
from subscriptions.domain.periods import last_paid, lock_plan
from subscriptions.domain.unused import unused_price
from subscriptions.models import KIND, Attempt, Period, Subscription
from subscriptions.states import RUNNING, ParkReason, PeriodState, SubscriptionState

log = structlog.get_logger(__name__)


class Hindrance(StrEnum):
    """Why a plan cannot be changed now."""

    ENDED = "it has ended, or does not renew"
    PARKED = "nothing of it is charged until staff have acted"
    CANCELLED = "it is cancelled"
    UNPAID = "its month is not paid"
    BUSY = "its next month, or another change, is being charged"
    OTHER_CURRENCY = "the new plan is sold in another currency"
    SAME_PLAN = "it is the plan already"
    CHOSEN_ALREADY = "it is chosen already for the next month"
    NOT_DEARER = "the new plan is not dearer any more"
    DEARER = "the new plan is dearer now"
    TOO_MANY_DEVICES = "more devices share it than may share the new plan"
    NEW_MONTH = "a new month has begun since the price was shown"


class NotChangeable(Exception):
    """The plan cannot be changed now. It goes on untouched."""

    def __init__(self, subscription: Subscription, why: Hindrance) -> None:
        super().__init__(str(why))
        self.reference, self.why = subscription.reference, why


@dataclass(frozen=True)
class Purchase:
    """What an order has paid: the new plan, its monthly price, the payment and the consent."""

    order: str
    plan: Plan
    # Name and price of each month, as columns of `PricedPlan`.
    price_columns: dict[str, Any]
    payment: Payment
    mandate: Mandate | None


def hindrance_of(subscription: Subscription, paid: Period, *, at: datetime) -> Hindrance | None:
    """Return why the plan cannot be changed now, or None if it can."""
    if subscription.state not in RUNNING or not subscription.renews:
        return Hindrance.ENDED
    if subscription.parked_because:
        return Hindrance.PARKED
    if subscription.is_cancelled:
        return Hindrance.CANCELLED
    if subscription.state != SubscriptionState.ACTIVE:
        return Hindrance.UNPAID
    is_charging = subscription.changing or subscription.decided_number != paid.number
    is_over = paid.ends_at is None or at >= paid.ends_at
    return Hindrance.BUSY if is_charging or is_over else None


def hindrance_of_offer(
    subscription: Subscription, paid: Period, offer: Offer, *, at: datetime
) -> Hindrance | None:
    """Return why the offer cannot replace the plan, at once or later, or None if it can."""
    if why := hindrance_of(subscription, paid, at=at):
        return why
    if offer.price.currency != paid.currency:
        return Hindrance.OTHER_CURRENCY
    return Hindrance.SAME_PLAN if offer.plan.pk == subscription.plan_id else None


def is_dearer(offer: Offer, paid: Period) -> bool:
    """Return whether a month of the offer costs more than the paid one."""
    return offer.price.taxed.gross.minor_units > paid.price.gross.minor_units


def check_changeable(subscription: Subscription, paid: Period, *, at: datetime) -> None:
    """Raise `NotChangeable` if the plan cannot be changed now."""
    if why := hindrance_of(subscription, paid, at=at):
        raise NotChangeable(subscription, why)


def sum_due(monthly: Money, paid: Period, *, at: datetime) -> Money:
    """Return what a change costs now: the new month less what is unused of the running one.

    It is never below zero.
    """
    unused = unused_price(paid, at=at)
    return Money(max(monthly.minor_units - unused.minor_units, 0), monthly.currency)


def claim(subscription: Subscription, *, order: str, shown_at: datetime) -> None:
    """Reserve the plan for the order that changes it. Raises `NotChangeable`.

    Call it in the transaction that decides the order's charge. From then on no month of the old
    plan is charged, until `replace_plan` or `release`. `shown_at` is when the customer has agreed
    to the price: it holds for the month that was running then.
    """
    fresh, at = Subscription.objects.get(pk=subscription.pk), now()
    paid = last_paid(fresh)
    check_changeable(fresh, paid, at=at)
    if paid.starts_at is None or paid.starts_at >= shown_at:
        raise NotChangeable(fresh, Hindrance.NEW_MONTH)
    expected = {
        "state": SubscriptionState.ACTIVE,
        "parked_because": "",
        "last_number": None,
        "decided_number": paid.number,
        "changing": "",
    }
    if not compare_and_set(Subscription, subscription.pk, expected, changing=order):
        raise NotChangeable(fresh, Hindrance.BUSY)


def release(subscription: Subscription, *, order: str) -> None:
    """Let the old plan go on, because the order that was to change it has failed."""
    if compare_and_set(Subscription, subscription.pk, {"changing": order}, changing=""):
        enqueue(KIND, subscription.pk)


def replace_plan(subscription: Subscription, bought: Purchase, *, at: datetime) -> Period:
    """Cut the running month short, and begin a month of the new plan at the same moment.

    Call it in the transaction that completes the order. What was planned, or authorised in advance,
    for the old plan lapses; a worker voids it. Raises `NotChangeable` if the plan was ended
    meanwhile.
    """
    fresh, paid, _coming = lock_plan(subscription)
    assert paid.ends_at is not None  # noqa: S101 -- paid_period_has_its_time
    # After an outage the old month may be over. The new one follows it without a gap.
    at = min(at, paid.ends_at)
    number = 1 + fresh.periods.aggregate(last=Max("number"))["last"]
    _switch(fresh, bought, number=number, at=at)
    # A period that never began has no time.
    lapsed = {"starts_at": None, "ends_at": None, "usable_until": None, "follows": None}
    planned = fresh.periods.filter(state=PeriodState.PLANNED)
    planned.update(state=PeriodState.LAPSED, **lapsed)
    Period.objects.filter(pk=paid.pk).update(ends_at=at, usable_until=Least(F("usable_until"), at))
    period = _begin(fresh, bought, paid, number=number, at=at)
    allocation.reallocate(fresh.line_id, since=at)
    if fresh.is_cancelled:
        fresh.last_number = number
        announcing.tell_cancelled(fresh, ends_at=end_of_period(bought.plan, at), at=now())
    enqueue(KIND, fresh.pk)
    log.info("plan changed", subscription=fresh.pk, period=number, order=bought.order)
    return period


def _switch(fresh: Subscription, bought: Purchase, *, number: int, at: datetime) -> None:
    """Store the new plan, its anchor and its mandate with the subscription."""
    changes: dict[str, Any] = {
        "changing": "",
        "state": SubscriptionState.ACTIVE,
        "plan": bought.plan,
        "plan_name": bought.price_columns["plan_name"],
        "anchored_at": at,
        "anchor_number": number,
        "decided_number": number,
        "mandate": bought.mandate,
        "due_at": end_of_period(bought.plan, at) - TOLD_BEFORE,
    }
    if fresh.is_cancelled:
        # The cancel came after the charge was decided. So it takes effect after the new month.
        changes["last_number"] = number
    # A plan that was chosen for the next month lapses.
    chosen.drop(fresh, reason=MandateEnd.REPLACED)
    claimed = {"changing": bought.order, "state": RUNNING}
    if not compare_and_set(Subscription, fresh.pk, claimed, **changes):
        raise NotChangeable(fresh, Hindrance.ENDED)
    old = fresh.mandate
    if old is not None and (bought.mandate is None or old.pk != bought.mandate.pk):
        mandates.end(old, reason=MandateEnd.REPLACED)


def _begin(
    fresh: Subscription, bought: Purchase, paid: Period, *, number: int, at: datetime
) -> Period:
    """Store the first month of the new plan, as paid by the order's payment."""
    ends_at = end_of_period(bought.plan, at)
    # A dispute about an earlier month has switched the service off.
    is_off = fresh.parked_because == ParkReason.DISPUTE
    period = Period.objects.create(
        subscription=fresh,
        line=fresh.line,
        number=number,
        plan=bought.plan,
        state=PeriodState.PAID,
        starts_at=at,
        ends_at=ends_at,
        usable_until=at if is_off else ends_at,
        follows=paid,
        **bought.price_columns,
    )
    create_bucket(period, bought.plan)
    Attempt.objects.create(period=period, payment=bought.payment)
    return period
