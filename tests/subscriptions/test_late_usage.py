"""Late usage records: whatever the order in which records arrive, the buckets are the same."""

from datetime import datetime
from typing import Any

from django.utils.timezone import now
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts.models import User
from esim.models import Sim
from subscriptions.domain import lifecycle as domain
from subscriptions.domain.usage import CLOCK_TOLERANCE
from subscriptions.models import Bucket, Line, SimOnLine
from tests.builders import make_plan
from tests.subscriptions.usages import DAY, START, at, give, make_line, said, tell, uncovered, used


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
    return list(Bucket.objects.select_related("period").order_by("pk"))


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
            if bucket.period.line_id == stay.line_id
            and one["country"] in bucket.countries
            and bucket.period.starts_at <= moment < bucket.period.usable_until  # type: ignore[operator]  # both are set
        ]
        order = {"allowance": 0, "unlimited": 1, "microbalance": 2}
        valid.sort(
            key=lambda b: (b.kind == "microbalance", b.period.usable_until, order[b.kind], b.pk)
        )
        for bucket in valid:
            room = left if bucket.kind == "unlimited" else bucket.total_bytes - taken[bucket.pk]
            taken[bucket.pk] += min(left, room)
            left -= min(left, room)
        if left:
            missing[one["id"]] = left
    return list(taken.values()), missing


def test_a_cancelled_plan_takes_the_late_records_of_its_own_time(line: Line, sim: Sim) -> None:
    bucket = give(line, now() - DAY, now() + 30 * DAY)
    before = now()
    domain.end(bucket.period.subscription)

    tell(said(1, sim, before, 1), said("after", sim, now(), 10))

    assert (used(), uncovered()) == ([1], {"after": 10})
