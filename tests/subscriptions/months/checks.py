"""What must hold of a plan's periods and of the gateway's books, whatever has happened."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise

from django.utils.timezone import now

from orders.models import Order
from payments.models import Payment, Receipt, Refund
from subscriptions.models import (
    Attempt,
    Period,
    PlanChange,
    SimOnLine,
    Subscription,
    UsageRecord,
)
from subscriptions.states import PeriodState, SubscriptionState
from tests.subscriptions.months.bank import Books, Entry
from tests.subscriptions.months.oracle import Oracle, Paid, are_clear
from tests.subscriptions.months.story import Story, due_for_change, months_later

FORTNIGHT = timedelta(days=14)


def paid_periods(subscription: Subscription) -> list[Period]:
    paid = subscription.periods.filter(state=PeriodState.PAID)
    return list(paid.order_by("number"))


def check_periods(subscription: Subscription, zone: str) -> dict[int, datetime]:
    """Check that there is no gap but after hold, no overlap and no drift.

    Returns when each period had to end, by number, even if it was cut short later.
    """
    ends: dict[int, datetime] = {}
    periods = paid_periods(subscription)
    anchor, number = periods[0].starts_at, 1
    for before, period, after in zip([None, *periods], periods, [*periods[1:], None], strict=False):
        start, end = period.starts_at, period.ends_at
        assert start
        assert end
        assert anchor
        if before and before.ends_at and period.after_hold:
            assert start > before.ends_at
        elif before:
            assert start == before.ends_at, "a gap or an overlap"
        if period.after_hold or is_change(before, period):
            anchor, number = start, period.number
        months = period.number - number
        assert start == months_later(anchor, months, zone), "drift"
        due_end = months_later(anchor, months + 1, zone)
        if period.given_back:
            due_end += period.given_back
            anchor, number = due_end, period.number + 1
        ends[period.number] = due_end
        if after and is_change(period, after):
            assert start < end <= due_end, "a month that was cut short"
        else:
            assert end == due_end, "drift"
    return ends


def is_change(before: Period | None, period: Period) -> bool:
    """Return whether the period is the first one of a dearer plan, which begins at once."""
    if before is None or before.plan_id == period.plan_id:
        return False
    chosen = PlanChange.objects.filter(subscription=period.subscription_id, state="begun")
    return not chosen.filter(after_number=before.number).exists()


def check_money(subscription: Subscription, books: Books, ends: Mapping[int, datetime]) -> None:
    """Check that each paid period after the first is charged once, and nothing else is."""
    if subscription.decided_number > paid_periods(subscription)[-1].number or subscription.changing:
        return
    due = {}
    for before, period in pairwise(paid_periods(subscription)):
        price = period.price.gross.minor_units
        if price:
            payment = Attempt.objects.get(period=period, is_live=True).payment
            is_new = is_change(before, period)
            price = due_for(payment, before, period, ends[before.number]) if is_new else price
            due[payment.gateway_id] = price
    devices = Order.objects.filter(running_plan=subscription, kind="attach", state="completed")
    for order in devices.exclude(payment=None):
        assert order.payment
        due[order.payment.gateway_id] = order.price.gross.minor_units
    kept = [one for one in entries_of(subscription, books) if one.captured_at]
    charged = {
        one.gateway_id: one.amount.minor_units
        for one in kept
        # What an order charged for nothing was given back.
        if one.gateway_id in due or one.refunded < one.amount.minor_units
    }
    assert charged == due
    receipts = Receipt.objects.filter(payment__gateway_id__in=due)
    assert receipts.count() == len(due)


def due_for(payment: Payment, before: Period, period: Period, end: datetime) -> int:
    """Return what the change to this period had to cost at the time when its price was shown."""
    shown_at = Order.objects.get(payment=payment).draft.quoted_at
    total = before.plan.data_bytes if before.plan else None
    assert shown_at
    assert before.starts_at
    of_month = UsageRecord.objects.filter(line=before.line_id, used_at__lt=shown_at)
    used = sum(one.bytes for one in of_month.filter(used_at__gte=before.starts_at))
    return due_for_change(
        period.price.gross.minor_units,
        before.price.gross.minor_units,
        time_left=end - shown_at,
        month=end - before.starts_at,
        data_left=Fraction(max(total - used, 0), total) if total else Fraction(1),
    )


def entries_of(subscription: Subscription, books: Books) -> list[Entry]:
    """Return the payments in the gateway's books that were for this plan."""
    orders = set(Order.objects.filter(running_plan=subscription).values_list("number", flat=True))
    own = f"{subscription.reference}-"
    return [
        one for one in books.entries if one.reference in orders or one.reference.startswith(own)
    ]


def check_refunds(books: Books) -> None:
    """Check that what the gateway has given back is what the portal has stored."""
    for entry in books.entries:
        done = Refund.objects.filter(payment__gateway_id=entry.gateway_id, state="done")
        assert entry.refunded == sum(one.minor_units for one in done), "refunded"


def check_devices(subscription: Subscription, books: Books) -> None:
    """Check that the network serves the plan on the devices that share it, and on no other."""
    service = books.services[subscription.reference]
    stays = SimOnLine.objects.filter(line=subscription.line_id)
    for stay in [] if service.get("ended") else stays.select_related("sim"):
        assert service.get(stay.sim.iccid, False) == (stay.until is None)


def check_plan(subscription: Subscription, books: Books) -> None:
    """Check that the network was told the plan that runs, once it was told any."""
    told = books.services[subscription.reference].get("plan")
    is_served = subscription.state == SubscriptionState.ACTIVE and not subscription.parked_because
    if told and is_served and subscription.plan:
        assert told == subscription.plan.code


def check_refusals(books: Books) -> None:
    """Check that no card was refused more than eight times in fourteen days."""
    of_card: dict[str, list[datetime]] = defaultdict(list)
    for token, at in books.refusals:
        of_card[token].append(at)
    for times in of_card.values():
        for start in times:
            assert sum(start <= at < start + FORTNIGHT for at in times) <= 8


def check_end(subscription: Subscription, books: Books) -> None:
    """Check that nothing stays authorised or served after the end."""
    if subscription.state != SubscriptionState.ENDED:
        return
    mine = entries_of(subscription, books)
    assert not [one for one in mine if one.status == "authorised"]
    assert subscription.due_at is None
    assert subscription.mandate is None or subscription.mandate.ended_at
    assert not subscription.periods.filter(usable_until__gt=now()).exists()
    assert books.services[subscription.reference].get("ended")


def check_with_oracle(subscription: Subscription, story: Story, moment: datetime) -> Oracle | None:
    """Return an oracle that agrees, or None if minutes decide what should have happened."""
    periods = paid_periods(subscription)
    began = {
        one.number: one.starts_at
        for before, one in zip([None, *periods], periods, strict=False)
        if one.starts_at and (one.after_hold or is_change(before, one))
    }
    oracle = Oracle(story, began)
    oracle.run_to(moment)
    if not are_clear([*oracle.moments, moment]):
        return None
    found = [
        Paid(one.number, one.starts_at, one.ends_at, cost_of(one))
        for one in periods
        if one.starts_at and one.ends_at
    ]
    assert found == oracle.paid
    assert subscription.state == oracle.state
    return oracle


def cost_of(period: Period) -> int:
    """Return what the portal says was charged for the period, in minor units."""
    attempt = Attempt.objects.filter(period=period, is_live=True).first()
    return attempt.payment.minor_units if attempt else 0


def check_charges(oracle: Oracle, books: Books) -> None:
    """Check every charge of the customer, and what was given back, against the oracle."""
    kept = [one for one in books.entries if one.captured_at]
    kept.sort(key=lambda one: one.captured_at or one.made_at)
    assert [(one.token, one.amount.minor_units) for one in kept] == oracle.charges
    if oracle.is_up():
        assert [one.refunded for one in kept] == [
            oracle.refunded.get(number, 0) for number in range(len(kept))
        ]
