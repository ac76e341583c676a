"""What the account shows of each line's plan: what is left, and what comes next."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.urls import reverse
from django.utils.timezone import now

from accounts.models import User
from orders.line_texts import line_name
from selfcare import texts
from subscriptions.balances import account_buckets, is_too_old
from subscriptions.domain import claims, outlook, price_changes
from subscriptions.domain.outlook import Next, Outlook
from subscriptions.domain.standing import Standing
from subscriptions.models import Bucket, Master, OperatorLine, Subscription

# In these cases the customer must act, or wait for staff.
NEEDS_ATTENTION = {Next.PARKED, Next.ON_HOLD, Next.OVERDUE, Next.NEEDS_METHOD}


def cards_of(
    user: User, operator_lines: list[tuple[OperatorLine, Standing]]
) -> list[dict[str, Any]]:
    """Return the running plans, without those on a SIM that another customer has proven.

    A plan that is on hold is shown, although it has no usable data. The operator's plans are left
    out while the number is not proven or what is left is unknown.
    """
    lost = claims.lost_lines(user)
    hidden = {
        kept.line_id
        for kept, standing in operator_lines
        if not standing.may_use or is_too_old(kept.balances_at, at=now())
    }
    renewing = {one.pk: one for one in outlook.running_renewals(user) if one.line_id not in lost}
    usable = [
        bucket
        for bucket in account_buckets(user, at=now())
        if bucket.period.line_id not in lost
        and not (
            bucket.period.subscription.master == Master.OPERATOR and bucket.period.line_id in hidden
        )
    ]
    with_data = {bucket.period.subscription_id for bucket in usable}
    without = [one for key, one in renewing.items() if key not in with_data]
    return [
        *[plan_card(one, None) for one in without],
        *[
            plan_card(renewing.get(one.period.subscription_id, one.period.subscription), one)
            for one in usable
        ],
    ]


def plan_card(subscription: Subscription, bucket: Bucket | None) -> dict[str, Any]:
    """Return what a card says of this plan, and of the data that can be used now, if any."""
    line = bucket.period.line if bucket else subscription.line
    return {
        "name": line_name(line),
        "plan_name": bucket.period.plan_name if bucket else subscription.plan_name,
        **_data_of(bucket),
        **_next_of(subscription),
    }


def _data_of(bucket: Bucket | None) -> dict[str, Any]:
    if bucket is None:
        return {"has_data": False}
    until = bucket.period.usable_until
    return {
        "has_data": True,
        "left_bytes": None if bucket.is_unlimited else bucket.left_bytes,
        "total_bytes": None if bucket.is_unlimited else bucket.total_bytes,
        "percent": 100 * bucket.left_bytes // max(bucket.total_bytes, 1),
        "ends_at": until,
        "days_left": texts.days_left(until) if until else "",
        "locations": bucket.countries,
    }


def _next_of(subscription: Subscription) -> dict[str, Any]:
    """Return what comes next, and where the customer can act. The portal's plans have a page."""
    if subscription.master == Master.OPERATOR:
        return {}
    urls = {"url": reverse("plan", args=[subscription.reference])}
    if any(stay.until is None for stay in subscription.line.sims.all()):
        urls["top_up_url"] = reverse("plan-top-up", args=[subscription.reference])
    if not subscription.renews:
        return urls
    comes_next = outlook.outlook_of(subscription)
    is_asked = comes_next.can_pay and comes_next.next in NEEDS_ATTENTION
    pay_url = reverse("plan-pay", args=[subscription.reference]) if is_asked else ""
    return {
        **urls,
        "pay_url": pay_url,
        **_new_price_of(subscription),
        **next_context(comes_next),
    }


def note_prices_shown(cards: Iterable[Mapping[str, Any]]) -> None:
    """Store that a page has shown the notices of new prices that are on these cards."""
    price_changes.note_shown([card["price_notice"] for card in cards if "price_notice" in card])


def _new_price_of(subscription: Subscription) -> dict[str, Any]:
    """Return what is said of a new price, with the notice that is shown by it."""
    found = price_changes.new_price_of(subscription)
    return {"new_price": texts.new_price(found), "price_notice": found.notice} if found else {}


def next_context(comes_next: Outlook) -> dict[str, Any]:
    """Return the words about what comes next."""
    return {
        "outlook": comes_next,
        "next_text": texts.what_next(comes_next),
        "note": texts.note(comes_next),
        "needs_attention": comes_next.next in NEEDS_ATTENTION,
    }
