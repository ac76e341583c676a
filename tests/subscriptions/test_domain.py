"""`subscriptions.domain.lifecycle`: what a line has, and for how long.

Source of the rule: docs/contract.md#quantities-and-identity.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils.timezone import now

from accounts.models import User
from plans.models import Category, Plan
from subscriptions.domain import bounds
from subscriptions.domain import lifecycle as domain
from subscriptions.models import Bucket, Line, SimOnLine, Subscription
from subscriptions.states import SubscriptionState
from tests.builders import GB, make_card, make_plan


def prepared(alice: User, reference: str = "R1") -> Subscription:
    return domain.prepare(
        alice, sim=make_card(), plan=make_plan(), plan_name="Traveller", reference=reference
    )


def test_preparing_twice_makes_one_subscription(alice: User) -> None:
    card, plan = make_card(), make_plan()

    for _ in range(2):
        domain.prepare(alice, sim=card, plan=plan, plan_name="Traveller", reference="R1")

    assert (Subscription.objects.count(), Bucket.objects.count(), Line.objects.count()) == (1, 1, 1)
    assert Bucket.objects.get().total_bytes == 5 * GB


def test_two_plans_on_one_sim_share_its_line(alice: User) -> None:
    card, plan = make_card(), make_plan()

    first = domain.prepare(alice, sim=card, plan=plan, plan_name="a", reference="R1")
    second = domain.prepare(alice, sim=card, plan=plan, plan_name="b", reference="R2")

    assert first.line == second.line


def test_a_plan_cannot_be_put_on_another_customers_sim(alice: User, bob: User) -> None:
    card, plan = make_card(), make_plan()
    domain.prepare(bob, sim=card, plan=plan, plan_name="a", reference="R1")

    with pytest.raises(domain.SimOfAnother):
        domain.prepare(alice, sim=card, plan=plan, plan_name="b", reference="R2")


def test_the_plans_time_begins_at_its_start(alice: User) -> None:
    subscription = prepared(alice)
    at = now()

    domain.start(subscription, at=at)
    domain.start(subscription, at=at + timedelta(days=5))

    period = subscription.periods.get()
    assert (period.starts_at, period.ends_at) == (at, at + timedelta(days=30))


def test_cancelling_a_prepared_plan_frees_the_sim(alice: User) -> None:
    subscription = prepared(alice)

    domain.cancel(subscription)

    subscription.refresh_from_db()
    assert subscription.state == SubscriptionState.ENDED
    assert not SimOnLine.objects.filter(until=None).exists()


def test_an_active_plan_is_not_cancelled(alice: User) -> None:
    subscription = prepared(alice)
    domain.start(subscription, at=now())

    domain.cancel(subscription)

    subscription.refresh_from_db()
    assert subscription.state == SubscriptionState.ACTIVE


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ((2026, 1, 31), (2026, 2, 28)),
        ((2028, 1, 31), (2028, 2, 29)),
        ((2026, 12, 15), (2027, 1, 15)),
        ((2026, 3, 31), (2026, 4, 30)),
    ],
)
def test_a_month_ends_on_its_anchor_day_or_the_months_last_day(
    start: tuple[int, int, int], end: tuple[int, int, int]
) -> None:
    plan = Plan(category=Category.RECURRING, validity_days=30)

    assert bounds.end_of_period(plan, datetime(*start, 12, tzinfo=UTC)) == datetime(
        *end, 12, tzinfo=UTC
    )


def test_a_month_renews_on_its_anchor_day() -> None:
    plan = Plan(category=Category.RECURRING, validity_days=30)
    anchor = datetime(2026, 1, 31, 12, tzinfo=UTC)

    ends = [bounds.end_of_period(plan, anchor, number=number) for number in (1, 2, 3, 12, 25)]

    assert [(end.year, end.month, end.day) for end in ends] == [
        (2026, 2, 28),
        (2026, 3, 31),
        (2026, 4, 30),
        (2027, 1, 31),
        (2028, 2, 29),
    ]


@pytest.mark.parametrize(
    ("zone", "start", "end"),
    [
        # In that zone it is already 1 February.
        ("Asia/Tokyo", "2026-01-31T20:00:00+00:00", "2026-02-28T20:00:00+00:00"),
        # In that zone it is still 30 January.
        ("America/Los_Angeles", "2026-01-31T05:00:00+00:00", "2026-03-01T05:00:00+00:00"),
        # Summer time begins in between. The month ends at the same local hour.
        ("Europe/Berlin", "2026-03-15T11:00:00+00:00", "2026-04-15T10:00:00+00:00"),
    ],
)
def test_a_month_ends_in_the_operators_billing_zone(
    settings: Any, zone: str, start: str, end: str
) -> None:
    settings.BILLING_ZONE = zone
    plan = Plan(category=Category.RECURRING, validity_days=30)

    found = bounds.end_of_period(plan, datetime.fromisoformat(start))

    assert (found, found.tzinfo) == (datetime.fromisoformat(end), UTC)


def test_days_are_24_hours_each() -> None:
    plan = Plan(category=Category.PREPAID, validity_days=1)
    start = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)

    assert bounds.end_of_period(plan, start) - start == timedelta(hours=24)


def test_a_sim_is_on_one_line_at_a_time(alice: User) -> None:
    stay = prepared(alice).line.sims.get()
    elsewhere = Line.objects.create(account=alice)

    with (
        pytest.raises(IntegrityError, match="sim_is_on_one_line_at_a_time"),
        transaction.atomic(),
    ):
        SimOnLine.objects.create(line=elsewhere, sim=stay.sim, since=now())


def test_a_bucket_cannot_have_more_used_than_its_total(alice: User) -> None:
    prepared(alice)

    with pytest.raises(IntegrityError, match="no_more_used_than_there_was"), transaction.atomic():
        Bucket.objects.update(used_bytes=5 * GB + 1)
