"""One story, told to the cent: a cheaper plan, a move to another device, and two disputes."""

from collections import Counter

import pytest
from pytest_django.fixtures import Settings

from accounts.models import User
from tests.subscriptions.months.bank import BankCard
from tests.subscriptions.months.checks import check_with_oracle
from tests.subscriptions.months.play import living
from tests.subscriptions.months.stories import DAY, HOUR
from tests.subscriptions.months.story import GB, Act, Event, Offer, Story
from tests.subscriptions.months.test_months import SOLD, look

pytestmark = pytest.mark.django_db
SMALL = Offer(1500, 2 * GB)
MOVED = SOLD + 10 * DAY
# The months from 31 January and from 28 February have 28 and 31 days.
STORY = Story(
    zone="UTC",
    sold_at=SOLD,
    price=2500,
    card=BankCard("first"),
    events=(
        Event(SOLD + 5 * DAY, Act.CHOOSE, BankCard("second"), SMALL),
        Event(SOLD + 6 * DAY, Act.UNDO_CHOICE),
        Event(SOLD + 7 * DAY, Act.CHOOSE, BankCard("third"), SMALL),
        Event(MOVED, Act.MOVE),
        Event(SOLD + 12 * DAY, Act.MOVE_AND_BACK),
        Event(SOLD + 40 * DAY, Act.DISPUTE),
        Event(SOLD + 45 * DAY, Act.WIN_DISPUTE),
        Event(SOLD + 60 * DAY, Act.REPORT_FRAUD),
        Event(SOLD + 61 * DAY, Act.LOSE_DISPUTE),
    ),
)


def test_a_cheaper_plan_begins_when_the_month_ends_and_a_lost_dispute_ends_it(
    alice: User, settings: Settings
) -> None:
    settings.BILLING_ZONE, figures = "UTC", Counter[str]()
    with living(alice, STORY) as life:
        [subscription] = life.subscriptions
        for event in STORY.events:
            life.pass_to(event.at)
            life.happens(event)
            life.pass_to(event.at + HOUR)
            look(life, STORY, event.at + HOUR, figures)

        assert figures == {"compared": len(STORY.events)}
        oracle = check_with_oracle(subscription, STORY, STORY.events[-1].at + HOUR)
        assert oracle
        assert oracle.charges == [("third", 1500), ("third", 1500)]
        assert oracle.devices == [MOVED]
        assert (oracle.state, oracle.lost_charges, oracle.refunded) == ("ended", {1}, {})
