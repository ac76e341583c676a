"""Plans that renew over two years agree with an oracle, whatever happens to them.

`make test` plays the same few stories each time, `make test-long` more, and `make renewals` as many
random ones as it is told.
"""

import json
import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from accounts.models import User
from subscriptions.domain import sharing
from tests.speeds import long
from tests.subscriptions.months.bank import BankCard
from tests.subscriptions.months.checks import (
    check_charges,
    check_devices,
    check_end,
    check_money,
    check_periods,
    check_plan,
    check_refunds,
    check_refusals,
    check_with_oracle,
)
from tests.subscriptions.months.play import Life, living
from tests.subscriptions.months.stories import DAY, HOUR, MONTHS, stories
from tests.subscriptions.months.story import Act, Event, Story

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(0)]
# Set by `make renewals`, whose stories are random. Without it the same stories come each time.
PLANS = int(os.environ.get("RENEWALS", "0"))
FIGURES = Path("var/renewals.jsonl")
# How many tests share the plans, so that they can run beside each other.
SHARES = 6 if PLANS else 3
SOON = timedelta(minutes=20)
SOLD = datetime(2025, 1, 31, 9, tzinfo=UTC)
FEBRUARY = datetime(2025, 2, 28, 9, tzinfo=UTC)
# Refused, in grace, on hold, paid by another card, cancelled, kept, cancelled again, and ended.
EVENTFUL = Story(
    zone="UTC",
    sold_at=SOLD,
    price=2500,
    card=BankCard("first", bad=((SOLD, SOLD + 90 * DAY),)),
    events=(
        Event(FEBRUARY + 8 * DAY + HOUR / 2, Act.NEW_CARD, BankCard("second")),
        Event(FEBRUARY + 38 * DAY + 6 * HOUR, Act.CANCEL),
        Event(FEBRUARY + 38 * DAY + 12 * HOUR, Act.UNDO),
        Event(FEBRUARY + 45 * DAY, Act.CANCEL),
    ),
)


def how(examples: int) -> settings:
    return settings(
        max_examples=examples,
        derandomize=not PLANS,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.parametrize(
    ("share", "examples"), [(0, 2), *(long(share, PLANS // SHARES or 3) for share in range(SHARES))]
)
def test_a_plan_of_two_years_agrees_with_the_oracle(
    alice: User, settings: Settings, share: int, examples: int
) -> None:
    zone, figures = settings, Counter[str]()

    @how(examples)
    @given(
        story=stories(outages=(2, 12, 72) if PLANS else (2, 5, 12)),
        kills=st.frozensets(st.integers(1, 2500), max_size=6),
        # An order that has no answer six times in a row is given up.
        lost=st.frozensets(st.integers(1, 120), max_size=5),
        looks=st.lists(st.integers(share * 24, MONTHS * 30 * 24), max_size=6),
    )
    def play(story: Story, kills: frozenset[int], lost: frozenset[int], looks: list[int]) -> None:
        zone.BILLING_ZONE = story.zone
        with transaction.atomic():
            with living(alice, story, kills=kills, lost=lost) as life:
                tell(life, story, looks, figures)
            transaction.set_rollback(True)

    play()
    if PLANS:
        FIGURES.parent.mkdir(exist_ok=True)
        with FIGURES.open("a") as file:
            file.write(json.dumps(figures) + "\n")


def tell(life: Life, story: Story, looks: list[int], figures: Counter[str]) -> None:
    """Play the story, and compare at some moments and at the end."""
    [subscription] = life.subscriptions
    moments = [story.sold_at + look * HOUR + SOON for look in looks]
    end = story.sold_at + MONTHS * 31 * DAY
    happening = [(event.at, event) for event in story.events]
    looking = [(moment, None) for moment in [*moments, end]]
    for moment, event in sorted([*happening, *looking], key=lambda one: one[0]):
        life.pass_to(moment)
        if event:
            life.happens(event)
        else:
            look(life, story, moment, figures)
    figures.update(
        plans=1,
        paid=subscription.periods.filter(state="paid").count(),
        refused=len(life.books.refusals),
        runs=life.runs,
        barriers=life.barriers,
        killed=sum(kill <= life.barriers for kill in life.kills),
        lost=sum(lost <= life.books.calls for lost in life.books.lost),
    )


def look(life: Life, story: Story, moment: datetime, figures: Counter[str]) -> None:
    [subscription] = life.subscriptions
    subscription.refresh_from_db()
    check_money(subscription, life.books, check_periods(subscription, story.zone))
    check_refunds(life.books)
    check_refusals(life.books)
    check_end(subscription, life.books)
    oracle = check_with_oracle(subscription, story, moment)
    figures["compared" if oracle else "minutes decide"] += 1
    if oracle:
        check_charges(oracle, life.books)
        until = oracle.usable_until
        left = until - moment if until else None
        assert life.left_times(subscription) == [left] * len(oracle.devices)
        shared = [stay.sim.iccid for stay in sharing.devices_of(subscription)]
        assert shared == [life.sims[joined_at] for joined_at in oracle.devices]
        check_devices(subscription, life.books)
        check_plan(subscription, life.books)


# The story has about 700 barriers: before and after each write and each call of a worker.
@pytest.mark.parametrize("step", [239, long(1 if PLANS else 113)])
def test_a_worker_that_dies_at_any_barrier_changes_nothing(alice: User, step: int) -> None:
    figures, barrier = Counter[str](), 1
    barriers = barrier + 1
    while barrier < barriers:
        with transaction.atomic():
            with living(alice, EVENTFUL, kills=frozenset({barrier})) as life:
                for event in EVENTFUL.events:
                    life.pass_to(event.at)
                    life.happens(event)
                life.pass_to(FEBRUARY + 80 * DAY)
                look(life, EVENTFUL, FEBRUARY + 80 * DAY, figures)
                assert [one.status for one in life.books.entries].count("captured") == 2
                barriers = life.barriers
            transaction.set_rollback(True)
        barrier += step
    assert figures["compared"] == figures.total()
