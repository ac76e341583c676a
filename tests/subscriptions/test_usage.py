"""`subscriptions.domain.usage`: each record counts once, whatever the order in which they come.

What is asserted of buckets is what Get Balance reads.
"""

import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts.models import User
from esim.models import Sim
from subscriptions.balances import balances
from subscriptions.domain import allocation
from subscriptions.domain import lifecycle as domain
from subscriptions.domain.usage import CLOCK_TOLERANCE, Refusal
from subscriptions.models import Bucket, Line, SimOnLine, Subscription, UsageRecord
from tests.builders import GB, make_card, make_plan
from tests.races import at_once
from tests.subscriptions.usages import DAY, give, make_line, said, tell, uncovered, used

START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def line(alice: User) -> Line:
    return make_line(alice, since=START)[0]


@pytest.fixture
def sim(line: Line) -> Sim:
    return line.sims.get().sim


def at(days: float) -> datetime:
    return START + days * DAY


# --- Each record once ---


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


def test_a_cancelled_plan_takes_the_late_records_of_its_own_time(line: Line, sim: Sim) -> None:
    bucket = give(line, now() - DAY, now() + 30 * DAY)
    before = now()
    domain.end(bucket.subscription)

    tell(said(1, sim, before, 1), said("after", sim, now(), 10))

    assert (used(), uncovered()) == ([1], {"after": 10})


def test_records_are_allocated_again_when_a_plan_starts_or_ends(line: Line, sim: Sim) -> None:
    """A record from a clock that is ahead counts as if it had arrived afterwards."""
    sold = domain.prepare(line.account, sim=sim, plan=make_plan(), plan_name="x", reference="later")
    start, ahead = now(), now() + CLOCK_TOLERANCE / 2
    tell(said(1, sim, start, 1), said(2, sim, ahead, 10))

    assert used() == [0]
    domain.start(sold, at=start)
    assert used() == [11]
    domain.end(sold)
    assert (used(), uncovered()) == ([1], {"2": 10})


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


# --- In any order ---


def test_after_a_late_record_later_ones_are_allocated_again(line: Line, sim: Sim) -> None:
    give(line, at(0), at(2), total=100)
    give(line, at(0), at(30), total=1000)
    tell(said("later", sim, at(1), 100))
    assert used() == [100, 0]

    tell(said("earlier", sim, at(0.5), 60))

    assert used() == [100, 60]
    tell(said("abroad", sim, at(0.2), 60, country="DE"))
    assert (used(), uncovered()) == ([100, 60], {"abroad": 60})


def test_a_late_record_that_exhausts_a_bucket_displaces_later_ones(line: Line, sim: Sim) -> None:
    give(line, at(0), at(2), total=100, countries=("US", "CA"))
    give(line, at(0), at(30), total=1000)
    tell(said("there", sim, at(1), 90, country="CA"))
    assert used() == [90, 0]

    tell(said("here", sim, at(0.5), 30))

    assert (used(), uncovered()) == ([100, 0], {"there": 20})


def test_records_of_the_same_time_count_in_the_order_of_their_ids(line: Line, sim: Sim) -> None:
    give(line, at(0), at(30), total=100)

    tell(said("b", sim, at(1), 100))
    tell(said("a", sim, at(1), 60))

    assert (used(), uncovered()) == ([100], {"b": 60})


def test_an_earlier_overlapping_plan_is_allocated_again_too(line: Line, sim: Sim) -> None:
    give(line, at(0), at(10), total=100)
    give(line, at(5), at(20), total=100)
    tell(said(1, sim, at(1), 90), said(2, sim, at(6), 90), said(3, sim, at(15), 90))
    assert (used(), uncovered()) == ([100, 100], {"3": 70})

    tell(said("late", sim, at(2), 10))

    assert (used(), uncovered()) == ([100, 100], {"3": 80})


PLANS = st.tuples(
    st.integers(0, 8),
    st.integers(1, 8),
    st.sampled_from([None, 0, 5, 40, 200]),
    st.sampled_from([("US",), ("CA",), ("US", "CA")]),
    st.booleans(),
)
RECORDS = st.tuples(
    st.integers(0, 32), st.integers(0, 1), st.integers(0, 60), st.sampled_from(["US", "CA", "DE"])
)


class Mixtures(TestCase):
    """Hypothesis rolls every example back."""

    @settings(max_examples=60)
    @given(
        plans=st.lists(PLANS, max_size=4),
        records=st.lists(RECORDS, min_size=1, max_size=14),
        data=st.data(),
    )
    def test_any_batches_of_the_same_records_give_the_same_buckets(
        self, plans: list[Any], records: list[Any], data: st.DataObject
    ) -> None:
        alice = User.objects.create(username="alice@example.com")
        one, phone = make_line(alice, since=START)
        two, tablet = make_line(alice, since=START)
        SimOnLine.objects.filter(line=two).update(until=at(4))
        SimOnLine.objects.create(line=one, sim=tablet, since=at(4))
        for line in (one, two):
            for start, days, total, countries, is_micro in plans:
                kind = "microbalance" if is_micro and total is not None else ""
                plan = {"total": total, "countries": countries, "kind": kind}
                give(line, at(start), at(start + days), **plan)
        sims = (phone, tablet)
        told = [
            said(number, sims[sim], at(moment / 2), size, country)
            for number, (moment, sim, size, country) in enumerate(records)
        ]
        expected = by_hand(told)

        sent = data.draw(st.permutations([*told, *data.draw(st.lists(st.sampled_from(told)))]))
        while sent:
            size = data.draw(st.integers(1, len(sent)))
            tell(*sent[:size])
            sent = sent[size:]

        assert (used(), uncovered()) == expected
        assert all(bucket.left_bytes >= 0 or bucket.kind == "unlimited" for bucket in buckets())


def buckets() -> list[Bucket]:
    return list(Bucket.objects.select_related("subscription").order_by("pk"))


def by_hand(told: list[dict[str, Any]]) -> tuple[list[int], dict[str, int]]:
    """Compute used and uncovered bytes as docs/usage.md says, without the product's code."""
    there = buckets()
    taken, missing = {bucket.pk: 0 for bucket in there}, {}
    for one in sorted(told, key=lambda one: (one["usedAt"], one["id"])):
        left, moment = one["bytes"], datetime.fromisoformat(one["usedAt"])
        stays = SimOnLine.objects.filter(sim__iccid=one["iccid"], since__lte=moment)
        stay = stays.exclude(until__lte=moment).get()
        valid = [
            bucket
            for bucket in there
            if bucket.subscription.line_id == stay.line_id
            and one["country"] in bucket.countries
            and bucket.subscription.starts_at <= moment < bucket.subscription.ends_at  # type: ignore[operator]  # both are set
        ]
        order = {"allowance": 0, "unlimited": 1, "microbalance": 2}
        valid.sort(
            key=lambda b: (b.kind == "microbalance", b.subscription.ends_at, order[b.kind], b.pk)
        )
        for bucket in valid:
            room = left if bucket.kind == "unlimited" else bucket.total_bytes - taken[bucket.pk]
            taken[bucket.pk] += min(left, room)
            left -= min(left, room)
        if left:
            missing[one["id"]] = left
    return list(taken.values()), missing


# --- Concurrent batches ---


@pytest.fixture
def two_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make two batches both read before either writes, unless a lock keeps them apart."""
    both_have_read, write = threading.Barrier(2), allocation._write  # noqa: SLF001 -- the moment of the race

    def wait_and_write(*changes: Any) -> None:
        with suppress(threading.BrokenBarrierError):
            both_have_read.wait(timeout=1)
        write(*changes)

    monkeypatch.setattr(allocation, "_write", wait_and_write)


def race(sim: Sim) -> list[Any]:
    names = iter(["one", "two"])
    return at_once(lambda: tell(said(name := next(names), sim, at(1), 100), source=name), 2)


@pytest.mark.django_db(transaction=True)
def test_without_the_lock_one_of_two_concurrent_batches_would_be_lost(
    line: Line, sim: Sim, two_at_once: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(line, at(0), at(30))
    monkeypatch.setattr(allocation, "lock_lines", lambda _lines: None)

    race(sim)

    assert used() == [100]


@pytest.mark.django_db(transaction=True)
def test_two_concurrent_batches_for_one_line_both_count(
    line: Line, sim: Sim, two_at_once: None
) -> None:
    give(line, at(0), at(30))

    tallies = race(sim)

    assert [tally.taken for tally in tallies] == [1, 1]
    assert used() == [200]


@pytest.mark.django_db(transaction=True)
def test_concurrent_batches_of_many_lines_do_not_deadlock(alice: User) -> None:
    lines = [make_line(alice, since=START) for _ in range(6)]
    for line, _sim in lines:
        give(line, at(0), at(30))
    told = [said(number, sim, at(1), 100) for number, (_line, sim) in enumerate(lines)]
    orders = iter([told, told[::-1], told[3:] + told[:3], told[::2] + told[1::2]])

    tallies = at_once(lambda: tell(*next(orders)), 4)

    assert sum(tally.taken for tally in tallies) == 6
    assert sum(tally.repeated for tally in tallies) == 18
    assert used() == [100] * 6


@pytest.mark.django_db(transaction=True)
def test_one_record_sent_concurrently_for_two_lines_is_taken_once(alice: User) -> None:
    lines = [make_line(alice, since=START) for _ in range(2)]
    for line, _sim in lines:
        give(line, at(0), at(30))
    sims = iter([sim for _line, sim in lines])

    tallies = at_once(lambda: tell(said("same", next(sims), at(1), 100)), 2)

    assert sorted((tally.taken, len(tally.refused)) for tally in tallies) == [(0, 1), (1, 0)]
    assert sorted(used()) == [0, 100]


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


# --- Data and time, day by day ---


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
    end = domain.end_of_period(plan, start)
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
