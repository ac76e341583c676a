"""Data and time, day by day: what Get Balance answers while a plan runs."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import User
from esim.models import Sim
from subscriptions.balances import balances
from subscriptions.domain import bounds
from subscriptions.models import Line, Subscription
from tests.builders import make_plan
from tests.subscriptions.usages import DAY, at, give, make_line, said, tell, used


@pytest.mark.parametrize(
    "start",
    [
        datetime(2026, 1, 31, 12, tzinfo=UTC),
        datetime(2028, 1, 31, 12, tzinfo=UTC),
        datetime(2028, 2, 28, 23, 59, 59, tzinfo=UTC),
        datetime(2026, 12, 31, tzinfo=UTC),
    ],
    ids=str,
)
@pytest.mark.parametrize("category", ["prepaid", "recurring"])
def test_data_and_time_count_down_day_by_day(alice: User, start: datetime, category: str) -> None:
    line, sim = make_line(alice, since=start)
    plan = make_plan(category=category)
    end = bounds.end_of_period(plan, start)
    give(line, start, end, total=32 * 10)
    days = (end - start).days

    for day in range(days):
        moment = start + day * DAY
        tell(said(day, sim, moment, 10), at=moment)
        (balance,) = balances(sim.iccid, location=None, at=moment)
        assert (balance.left_bytes, balance.left_time) == (320 - 10 * (day + 1), end - moment)

    (balance,) = balances(sim.iccid, location=None, at=end)
    assert (balance.type, balance.left_bytes, balance.left_time) == ("NONE", 0, timedelta())
    assert days == (30 if category == "prepaid" else days_of_month_after(start))


def days_of_month_after(start: datetime) -> int:
    return {(2026, 1): 28, (2028, 1): 29, (2028, 2): 29, (2026, 12): 31}[start.year, start.month]


def test_a_record_belongs_to_the_plan_that_begins_when_another_ends(line: Line, sim: Sim) -> None:
    give(line, at(0), at(10))
    give(line, at(10), at(20))

    tell(said(1, sim, at(10), 5), said(2, sim, at(10) - timedelta(microseconds=1), 7))

    assert used() == [7, 5]
    assert Subscription.objects.count() == 2
