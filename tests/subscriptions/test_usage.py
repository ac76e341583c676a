"""`subscriptions.domain.usage`: each record counts once, whatever the order in which they come.

What is asserted of buckets is what Get Balance reads.
"""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import User
from esim.models import Sim
from moportal import retention
from subscriptions.balances import balances
from subscriptions.domain import lifecycle as domain
from subscriptions.domain.usage import CLOCK_TOLERANCE, Refusal
from subscriptions.models import Line, SimOnLine, UsageRecord
from tests.builders import GB, make_card, make_plan
from tests.subscriptions.usages import DAY, START, at, give, make_line, said, tell, uncovered, used

# --- Each record once ---


def test_a_record_that_may_have_been_deleted_already_is_refused(
    line: Line, sim: Sim, settings: Settings
) -> None:
    settings.USAGE_DAYS = 10
    give(line, at(0), at(30))

    tally = tell(said(1, sim, at(1), 300), said(2, sim, at(1.1), 500), at=at(11.05))

    assert tally.refused == [Refusal(0, "usedAt", "usedAt is more than 10 days in the past.")]
    assert used() == [500]


def test_usage_of_a_running_plan_is_not_deleted(line: Line, sim: Sim, settings: Settings) -> None:
    start = now() - 20 * DAY
    give(line, start, now() + DAY)
    give(line, start - 40 * DAY, start)
    SimOnLine.objects.update(since=start - 50 * DAY)
    tell(said(1, sim, start + DAY, 300), said(2, sim, start - DAY, 500))

    settings.USAGE_DAYS = 10
    retention.purge("subscriptions.UsageRecord")

    assert UsageRecord.objects.get().record_id == "1"
    assert used() == [300, 500]


def test_a_record_is_taken_from_the_bucket(line: Line, sim: Sim) -> None:
    give(line, at(0), at(30))

    tally = tell(said(1, sim, at(1), 300), said(2, sim, at(2), 500))

    assert (tally.taken, tally.repeated, tally.refused) == (2, 0, [])
    assert used() == [800]


def test_a_record_counts_once_however_often_it_is_sent(line: Line, sim: Sim) -> None:
    give(line, at(0), at(30))
    one = said(1, sim, at(1), 300)

    first, second = tell(one, one), tell(one)

    assert (first.taken, first.repeated, second.taken, second.repeated) == (1, 1, 0, 1)
    assert used() == [300]


@pytest.mark.parametrize(
    ("name", "value"),
    [("bytes", 301), ("country", "CA"), ("usedAt", at(1.5).isoformat()), ("iccid", "other")],
)
def test_a_stored_record_with_other_content_is_refused(
    line: Line, sim: Sim, name: str, value: Any
) -> None:
    give(line, at(0), at(30))
    one = said(1, sim, at(1), 300)
    other = {**one, name: make_card().iccid if value == "other" else value}
    tell(one)

    tally = tell(other, one)

    why = f"Record 1 was counted before with a different {name}. The first value is kept."
    assert (tally.refused, tally.repeated) == ([Refusal(0, name, why)], 1)
    assert used() == [300]


def test_another_day_or_source_makes_it_another_record(line: Line, sim: Sim) -> None:
    give(line, at(0), at(30))

    tell(said(1, sim, at(1), 1), said(1, sim, at(2), 10))
    tell(said(1, sim, at(1), 100), source="two")

    assert used() == [111]


def test_the_day_of_use_is_in_utc(line: Line, sim: Sim) -> None:
    give(line, at(0), at(30))
    one = said(1, sim, at(1), 5)

    tally = tell(one, {**one, "usedAt": "2026-03-02T09:00:00+09:00"})

    assert (tally.taken, tally.repeated) == (1, 1)


def test_a_record_in_the_future_is_refused(line: Line, sim: Sim) -> None:
    soon, later = now() + CLOCK_TOLERANCE / 2, now() + CLOCK_TOLERANCE * 2

    tally = tell(said(1, sim, soon, 1), said(2, sim, later, 1))

    assert (tally.taken, [(one.index, one.parameter) for one in tally.refused]) == (
        1,
        [(1, "usedAt")],
    )


# --- On which line ---


@pytest.mark.parametrize("sim", ["8949449999999990023", "card"])
def test_the_record_of_a_sim_on_no_line_is_stored_and_reported(alice: User, sim: str) -> None:
    iccid = make_card().iccid if sim == "card" else sim

    tally = tell(said(1, iccid, at(1), 300))

    assert (tally.taken, tally.on_no_line) == (1, [0])
    assert UsageRecord.objects.get().line is None


def test_that_record_is_taken_when_it_is_sent_again_and_its_sim_is_on_a_line(
    line: Line,
) -> None:
    give(line, at(0), at(30))
    card = make_card()
    one, other = said(1, card, at(1), 300), said(2, card, at(2), 40)
    tell(one, other)
    SimOnLine.objects.create(line=line, sim=card, since=at(0))

    tally = tell(one)

    assert (tally.repeated, tally.on_no_line, used()) == (1, [], [300])
    tell(one, other)
    assert used() == [340]


def test_a_record_counts_for_the_line_that_had_the_sim_then(
    line: Line, sim: Sim, bob: User
) -> None:
    other = Line.objects.create(account=bob)
    give(line, at(0), at(30))
    give(other, at(0), at(30))
    line.sims.update(until=at(5))
    SimOnLine.objects.create(line=other, sim=sim, since=at(5))

    tell(said(1, sim, at(5) - timedelta(microseconds=1), 1), said(2, sim, at(5), 10))

    assert used() == [1, 10]


def test_all_sims_of_a_line_share_its_buckets(line: Line, sim: Sim) -> None:
    give(line, at(0), at(30))
    tablet = make_card()
    SimOnLine.objects.create(line=line, sim=tablet, since=at(0))

    tell(said(1, sim, at(1), 1), said(2, tablet, at(1), 10))

    assert used() == [11]


# --- From which bucket ---


def test_the_bucket_that_ends_first_is_used_first(line: Line, sim: Sim) -> None:
    give(line, at(0), at(30), total=1000)
    give(line, at(0), at(7), total=100)

    tell(said(1, sim, at(1), 150))

    assert used() == [50, 100]


def test_an_unlimited_bucket_takes_all_the_rest(line: Line, sim: Sim) -> None:
    give(line, at(0), at(30), total=None)
    give(line, at(0), at(30), total=100)
    give(line, at(0), at(31), total=1000)

    tell(said(1, sim, at(1), 5 * GB))

    assert used() == [5 * GB - 100, 100, 0]


def test_a_microbalance_is_used_if_no_other_bucket_covers(line: Line, sim: Sim) -> None:
    give(line, at(0), at(1), total=50, kind="microbalance")
    give(line, at(0), at(30), total=100)

    tell(said(1, sim, at(0.5), 130))

    assert (used(), uncovered()) == ([30, 100], {})


def test_uncovered_bytes_are_stored_and_no_bucket_goes_below_zero(line: Line, sim: Sim) -> None:
    give(line, at(0), at(30), total=100)

    tell(said("over", sim, at(1), 130), said("abroad", sim, at(1), 7, country="DE"))
    tell(said("before", sim, at(-1), 1), said("after", sim, at(30), 2))

    # Before the SIM was on the line no bucket covers the record.
    assert used() == [100]
    assert uncovered() == {"over": 30, "abroad": 7, "after": 2}


def test_a_plan_that_was_cancelled_before_its_start_takes_nothing(line: Line, sim: Sim) -> None:
    sold = domain.prepare(line.account, sim=sim, plan=make_plan(), plan_name="x", reference="R")
    domain.cancel(sold)

    tell(said(1, sim, now(), 1))

    assert used() == [0]


def test_the_next_balance_includes_the_record(line: Line, sim: Sim) -> None:
    give(line, now() - DAY, now() + DAY, total=1000)
    tell(said(1, sim, now() - DAY / 2, 400))

    (balance,) = balances(sim.iccid, location="US", at=now())
    assert balance.left_bytes == 600

    tell(said(2, sim, now() - DAY / 3, 600))
    (balance,) = balances(sim.iccid, location="US", at=now())
    assert balance.type == "NONE"


# --- In the admin ---


def test_staff_see_a_lines_records_and_cannot_change_them(
    line: Line, sim: Sim, client: Client, clara: User
) -> None:
    client.force_login(clara)
    tell(said("mine", sim, at(1), 1), said("lost", make_card(), at(1), 1))

    page = client.get(f"/admin/subscriptions/line/{line.pk}/change/").text
    listed = f"/admin/subscriptions/usagerecord/?line__id__exact={line.pk}"
    assert f'href="{listed}"' in page
    records = client.get(listed).context["cl"].queryset
    assert [record.record_id for record in records] == ["mine"]
    on_no_line = client.get("/admin/subscriptions/usagerecord/?line__isempty=1")
    assert [record.record_id for record in on_no_line.context["cl"].queryset] == ["lost"]
    assert client.get("/admin/subscriptions/usagerecord/add/").status_code == 403


# --- Number of statements ---


@pytest.mark.parametrize("order", [1, -1], ids=["in order", "late and run out"])
def test_a_thousand_records_take_few_statements(alice: User, order: int) -> None:
    lines = [make_line(alice, since=START) for _ in range(100)]
    for line, _sim in lines:
        give(line, at(0), at(30), total=3)
    told = [said(number, lines[number % 100][1], at(1 + number / 100), 1) for number in range(2000)]
    halves = (told[:1000], told[1000:])[::order]
    tell(*halves[0])

    with CaptureQueriesContext(
        connection,
    ) as statements:
        tell(*halves[1])

    assert len(statements) <= 15
    assert set(used()) == {3}
