"""What must hold of a plan's periods and of the gateway's books, whatever has happened."""

from collections import defaultdict
from datetime import datetime, timedelta

from django.utils.timezone import now

from payments.models import Receipt
from subscriptions.models import Attempt, Period, Subscription
from subscriptions.states import PeriodState, SubscriptionState
from tests.subscriptions.months.bank import Books
from tests.subscriptions.months.oracle import Oracle, Paid, Story, are_clear, months_later

FORTNIGHT = timedelta(days=14)


def paid_periods(subscription: Subscription) -> list[Period]:
    paid = subscription.periods.filter(state=PeriodState.PAID)
    return list(paid.order_by("number"))


def check_periods(subscription: Subscription, zone: str) -> None:
    """Check that there is no gap but after hold, no overlap and no drift."""
    anchor, anchor_number = subscription.periods.get(number=1).starts_at, 1
    before: Period | None = None
    for period in paid_periods(subscription):
        start, end = period.starts_at, period.ends_at
        assert start
        assert end
        assert anchor
        if period.after_hold:
            assert before
            assert before.ends_at
            assert start > before.ends_at
            anchor, anchor_number = start, period.number
        elif before:
            assert start == before.ends_at, "a gap or an overlap"
        assert start == months_later(anchor, period.number - anchor_number, zone), "drift"
        assert end == months_later(anchor, period.number - anchor_number + 1, zone), "drift"
        before = period


def check_money(subscription: Subscription, books: Books) -> None:
    """Check that each paid period after the first is charged once, and nothing else is."""
    charged: dict[str, int] = defaultdict(int)
    for entry in books.entries:
        if entry.reference.startswith(f"{subscription.reference}-") and entry.status == "captured":
            charged[entry.gateway_id] += entry.amount.minor_units
    due = {}
    for period in paid_periods(subscription)[1:]:
        if period.gross_minor_units:
            attempt = Attempt.objects.get(period=period, is_live=True)
            due[attempt.payment.gateway_id] = period.gross_minor_units
    decided = subscription.decided_number > paid_periods(subscription)[-1].number
    if not decided:
        assert dict(charged) == due
        receipts = Receipt.objects.filter(payment__attempt__period__subscription=subscription)
        assert receipts.count() == len(due)


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
    mine = [one for one in books.entries if one.reference.startswith(f"{subscription.reference}-")]
    assert not [one for one in mine if one.status == "authorised"]
    assert subscription.due_at is None
    assert subscription.mandate is None or subscription.mandate.ended_at
    assert not subscription.periods.filter(usable_until__gt=now()).exists()
    assert books.services[subscription.reference].get("ended")


def check_with_oracle(subscription: Subscription, story: Story, moment: datetime) -> Oracle | None:
    """Return an oracle that agrees, or None if minutes decide what should have happened."""
    after_hold = {one.number: one.starts_at for one in paid_periods(subscription) if one.after_hold}
    oracle = Oracle(story, {number: at for number, at in after_hold.items() if at})
    oracle.run_to(moment)
    if not are_clear([*oracle.moments, moment]):
        return None
    found = [
        Paid(one.number, one.starts_at, one.ends_at)
        for one in paid_periods(subscription)
        if one.starts_at and one.ends_at
    ]
    assert found == oracle.paid
    assert subscription.state == oracle.state
    return oracle
