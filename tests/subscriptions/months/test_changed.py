"""One story, told to the cent: a dearer plan, another device, lost time, money given back."""

from collections import Counter
from datetime import timedelta

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
# The month from 31 January has 28 days.
CHANGED = SOLD + 14 * DAY
STORY = Story(
    zone="UTC",
    sold_at=SOLD,
    price=2500,
    card=BankCard("first"),
    events=(
        Event(SOLD + 5 * DAY, Act.USE, amount=2 * GB),
        Event(CHANGED, Act.CHANGE, BankCard("second"), Offer(4000, 20 * GB)),
        Event(SOLD + 20 * DAY, Act.ATTACH, BankCard("third")),
        Event(SOLD + 25 * DAY, Act.LOSE_TIME, amount=7 * 3600),
        Event(SOLD + 44 * DAY, Act.REFUND, amount=700),
        Event(SOLD + 45 * DAY, Act.REMOVE_DEVICE),
        Event(SOLD + 46 * DAY, Act.TAKE_BACK),
    ),
)


def test_a_change_is_paid_less_what_is_unused_and_given_back_whole(
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
        # Half of the time is left, and three fifths of the data: half of $25.00 is unused.
        assert oracle.charges == [("second", 2750), ("third", 300), ("second", 4000)]
        assert oracle.refunded == {2: 700, 0: 2750}
        [_first, _changed, renewed] = oracle.paid
        assert renewed.starts_at == CHANGED + timedelta(days=28, hours=7)
        assert oracle.state == "ended"
