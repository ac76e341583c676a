"""The price of a draft: the catalogue's, or what a change of the running plan costs now.

The price is copied into the draft. What the review page showed is what is charged
(docs/contract.md#nothing-is-lost).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.timezone import now

from moportal.money import Money, with_tax
from orders.domain import attach_offers, move_offers
from orders.domain.drafts import OWN_PLAN, change, offer_of, price_fields
from orders.models import Draft
from orders.states import OrderKind
from plans.queries import Offer, PlanNotOffered
from subscriptions.domain import changing
from subscriptions.domain.changing import Hindrance, NotChangeable
from subscriptions.domain.periods import last_paid
from subscriptions.models import Period, Subscription

# The unused share shrinks by the second. The sum that a customer was shown holds this long.
QUOTED_FOR = timedelta(minutes=30)


@dataclass(frozen=True)
class PriceChange:
    """The price changed after the customer chose the plan."""

    old: Money
    new: Money


def update_price(draft: Draft) -> PriceChange | None:
    """Set the current price before the review, and return the change if there is one.

    If the plan is no longer offered, clears it from the draft and raises `PlanNotOffered`. Raises
    `NotChangeable` if the running plan cannot be changed now.
    """
    if draft.kind == OrderKind.CHANGE and holds(draft):
        return None
    old = draft.price.gross
    try:
        fields = _current_price(draft)
    except PlanNotOffered:
        # A page is being shown, not a form, so there is no earlier version to compare with.
        change(draft, draft.version, plan=None, **OWN_PLAN)
        raise
    if all(getattr(draft, name) == value for name, value in fields.items()):
        return None
    change(draft, draft.version, **fields)
    new = draft.price.gross
    return PriceChange(old, new) if new != old else None


def _current_price(draft: Draft) -> dict[str, object]:
    """Return the draft's plan as it is offered now. Raises `PlanNotOffered` or `NotChangeable`."""
    if draft.kind == OrderKind.ATTACH:
        shared = attach_offers.offer_of(draft)
        if shared is None:
            raise PlanNotOffered(draft.running_plan_id)
        return attach_offers.price_columns(shared)
    if draft.kind == OrderKind.MOVE:
        moved = move_offers.offer_of(draft)
        if moved is None:
            raise PlanNotOffered(draft.running_plan_id)
        return move_offers.columns(moved)
    offer = offer_of(draft, draft.plan_id or 0)
    plan = draft.running_plan
    return price_fields(offer) if plan is None else quote(plan, offer, at=now())


def choose_change(draft: Draft, plan: Subscription, offer: Offer, *, version: int) -> None:
    """Set a dearer plan in the place of the running one, at the price that is due now.

    Raises `NotChangeable`, also if the new plan is not dearer.
    """
    fields = quote(plan, offer, at=now())
    target = {"sim": None, "wants_new_esim": False, "moves_from": None}
    change(draft, version, kind=OrderKind.CHANGE, running_plan=plan, **target, **fields)


def quote(plan: Subscription, offer: Offer, *, at: datetime) -> dict[str, object]:
    """Return the columns of a draft that changes this plan. Raises `NotChangeable`."""
    paid = last_paid(plan)
    check_change(plan, paid, offer, at=at)
    if not changing.is_dearer(offer, paid):
        raise NotChangeable(plan, Hindrance.NOT_DEARER)
    monthly = offer.price.taxed.gross
    due = changing.sum_due(monthly, paid, at=at)
    taxed = with_tax(due, rate=offer.price.tax_rate, included=True)
    return {
        **price_fields(offer),
        "gross_minor_units": taxed.gross.minor_units,
        "tax_minor_units": taxed.tax.minor_units,
        "monthly_minor_units": monthly.minor_units,
        "quoted_at": at,
    }


def check_change(plan: Subscription, paid: Period, offer: Offer, *, at: datetime) -> None:
    """Raise `NotChangeable` if this offer cannot take the place of the running plan now."""
    if why := changing.hindrance_of_offer(plan, paid, offer, at=at):
        raise NotChangeable(plan, why)


def holds(draft: Draft) -> bool:
    """Return whether a change can be ordered at the sum that the draft shows.

    Raises `NotChangeable` if the running plan cannot be changed now.
    """
    plan, quoted_at, at = draft.running_plan, draft.quoted_at, now()
    if plan is None or quoted_at is None:
        return False
    paid = last_paid(plan)
    changing.check_changeable(plan, paid, at=at)
    is_of_this_month = paid.starts_at is not None and paid.starts_at < quoted_at
    return is_of_this_month and at < quoted_at + QUOTED_FOR
