"""The plan and the price of a subscription's next month. No other module computes them.

If the customer has chosen another plan for that month, it has that plan and its agreed price.
Otherwise the customer agreed to the price of the month before. A new price holds only if its notice
has reached the customer early enough (docs/contract.md#subscriptions).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from moportal.money import Money, TaxedPrice, with_tax
from plans.models import Plan
from subscriptions.domain.chosen import change_after
from subscriptions.models import Period, PlanChange, PriceNotice, Subscription
from subscriptions.states import PeriodState


@dataclass(frozen=True)
class Terms:
    """What a month consists of, and what it costs. `notice` is the evidence for a new price."""

    plan: Plan | None
    price: TaxedPrice
    # The columns of a period that say its name and its price.
    columns: dict[str, Any]
    notice: PriceNotice | None = None


def next_terms(subscription: Subscription, paid: Period, *, starts_at: datetime | None) -> Terms:
    """Return the terms of the month after the paid one, which begins at this time."""
    change = change_after(subscription, paid)
    if change is not None:
        return Terms(change.plan, change.price, change.price_columns)
    return running_terms(subscription, paid, starts_at=starts_at)


def running_terms(subscription: Subscription, paid: Period, *, starts_at: datetime | None) -> Terms:
    """Return the terms of that month if the running plan goes on."""
    notice = notice_in_force(subscription, starts_at) if starts_at else None
    if notice is None:
        return Terms(subscription.plan, paid.price, paid.price_columns)
    price = with_tax(notice.change.price, rate=paid.tax_rate, included=True)
    new = {
        "gross_minor_units": price.gross.minor_units,
        "tax_minor_units": price.tax.minor_units,
    }
    return Terms(subscription.plan, price, {**paid.price_columns, **new}, notice)


def notice_in_force(subscription: Subscription, starts_at: datetime) -> PriceNotice | None:
    """Return the notice of the newest price that a month which begins then has, or None."""
    found = [
        notice
        for notice in notices_of(subscription)
        if notice.reached_at and notice.holds_from(notice.reached_at) <= starts_at
    ]
    return max(found, key=lambda one: (one.change.starts_on, one.pk), default=None)


def notices_of(subscription: Subscription, chosen: PlanChange | None = None) -> list[PriceNotice]:
    """Return the notices that are about the running plan, or the chosen one, and not withdrawn.

    A notice from before the customer agreed to the plan does not count. The customer has agreed to
    a price since.
    """
    plan = chosen.plan_id if chosen else subscription.plan_id
    notices = [
        notice
        for notice in subscription.price_notices.all()
        if notice.change.plan_id == plan and notice.change.withdrawn_at is None
    ]
    since = None
    if notices:
        since = chosen.chosen_at if chosen else _agreed_since(subscription)
    return [notice for notice in notices if since is None or notice.written_at >= since]


def _agreed_since(subscription: Subscription) -> datetime | None:
    """Return when the customer agreed to the running plan in place of another one, if so.

    That is when they chose it for the next month. A plan that was bought took the other one's place
    at once, so its last month ended then.
    """
    of_others = [
        period
        for period in subscription.periods.all()
        if period.state == PeriodState.PAID and period.plan_id != subscription.plan_id
    ]
    if not of_others:
        return None
    last = max(of_others, key=lambda period: period.number)
    change = change_after(subscription, last)
    is_chosen = change is not None and change.plan_id == subscription.plan_id
    return change.chosen_at if change and is_chosen else last.ends_at


def evidence_for(subscription: Subscription, amount: Money) -> str:
    """Return the key of the notice that told the customer this amount, or an empty text."""
    for notice in subscription.price_notices.select_related("change"):
        if notice.reached_at and notice.change.price == amount:
            return notice.key
    return ""
