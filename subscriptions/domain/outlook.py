"""What comes next for a plan: the next charge, its end, or what the customer must do."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import QuerySet
from django.utils.timezone import now

from accounts.models import User
from moportal.money import Money
from subscriptions.domain.bounds import HOLD
from subscriptions.domain.cancelling import last_day
from subscriptions.domain.chosen import chosen_change
from subscriptions.domain.periods import newest_of
from subscriptions.domain.terms import next_terms
from subscriptions.models import Master, Period, PlanChange, Subscription
from subscriptions.queries import renewing_subscriptions
from subscriptions.states import PeriodState, SubscriptionState

READ_BY_OUTLOOK = ("periods", "line__sims__sim", "plan_changes__plan", "price_notices__change")


class Next(StrEnum):
    """What comes next. If several fit, the first one counts."""

    ENDED = "ended"
    # It does not renew. Its time runs out.
    RUNS_OUT = "runs out"
    # Staff must act before anything is charged.
    PARKED = "parked"
    CANCELLED = "cancelled"
    ON_HOLD = "on hold"
    OVERDUE = "overdue"
    NEEDS_METHOD = "needs method"
    RENEWS = "renews"


@dataclass(frozen=True)
class Outlook:
    """What comes next, when, and what is charged then."""

    next: Next
    at: datetime | None
    amount: Money | None = None
    # When the service was switched off, if it is on hold.
    since: datetime | None = None
    # What the customer has chosen in place of this plan, from that day on. It can be undone.
    change: PlanChange | None = None

    @property
    def can_cancel(self) -> bool:
        return self.next not in {Next.ENDED, Next.RUNS_OUT, Next.CANCELLED}

    @property
    def can_undo(self) -> bool:
        return self.next == Next.CANCELLED

    @property
    def can_pay(self) -> bool:
        """Return whether another payment method can be chosen."""
        return self.can_cancel and self.next != Next.PARKED

    @property
    def is_due(self) -> bool:
        """Return whether a new payment method is charged at once."""
        return self.next in {Next.OVERDUE, Next.ON_HOLD}


def plans_of(account: User) -> QuerySet[Subscription]:
    """Return the customer's plans that the portal has sold, once they have begun."""
    begun = Subscription.objects.filter(
        line__account=account, master=Master.PORTAL, periods__state=PeriodState.PAID
    )
    # The join finds a plan once for each of its paid periods.
    return begun.exclude(state=SubscriptionState.PREPARED).distinct()


def running_renewals(account: User) -> list[Subscription]:
    """Return the customer's plans that renew and have not ended, with what an outlook reads."""
    running = renewing_subscriptions().filter(line__account=account)
    with_periods = running.select_related("mandate__method", "plan", "line").order_by("pk")
    return list(with_periods.prefetch_related(*READ_BY_OUTLOOK))


def outlook_of(subscription: Subscription) -> Outlook:
    """Return what comes next for a plan that has begun."""
    paid, coming = newest_of(subscription.periods.all())
    is_over = paid.usable_until is None or paid.usable_until <= now()
    if subscription.state == SubscriptionState.ENDED or (is_over and not subscription.renews):
        return Outlook(Next.ENDED, paid.usable_until)
    if not subscription.renews:
        return Outlook(Next.RUNS_OUT, paid.usable_until)
    amount = _next_amount(subscription, paid, coming)
    if subscription.is_cancelled:
        return Outlook(Next.CANCELLED, last_day(subscription), amount)
    if subscription.parked_because:
        return Outlook(Next.PARKED, paid.ends_at)
    return _next_charge(subscription, paid, coming)


def _next_charge(subscription: Subscription, paid: Period, coming: Period | None) -> Outlook:
    amount = _next_amount(subscription, paid, coming)
    if subscription.state == SubscriptionState.ON_HOLD:
        assert paid.ends_at is not None  # noqa: S101 -- paid_period_has_its_time
        return Outlook(Next.ON_HOLD, paid.ends_at + HOLD, amount, _off_since(subscription))
    if subscription.state == SubscriptionState.GRACE:
        return Outlook(Next.OVERDUE, coming.grace_until if coming else None, amount)
    has_method = subscription.mandate is not None and subscription.mandate.ended_at is None
    # A month without a price needs no method.
    is_paid_for = has_method or not amount.minor_units
    comes_next = Next.RENEWS if is_paid_for else Next.NEEDS_METHOD
    return Outlook(comes_next, paid.ends_at, amount, change=chosen_change(subscription))


def _next_amount(subscription: Subscription, paid: Period, coming: Period | None) -> Money:
    """Return what the next month costs. A month that is planned has its price already."""
    if coming is not None:
        return coming.price.gross
    return next_terms(subscription, paid, starts_at=paid.ends_at).price.gross


def _off_since(subscription: Subscription) -> datetime | None:
    """Return when the service was switched off: at the end of grace, or of the paid period."""
    unpaid = [one for one in subscription.periods.all() if one.state == PeriodState.LAPSED]
    if not unpaid:
        return None
    last = max(unpaid, key=lambda period: period.number)
    return last.grace_until or last.starts_at
