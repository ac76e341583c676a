"""`balance_api.admission`: the statement and the ORM answer alike, also to concurrent requests."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import example, given, settings
from hypothesis import strategies as st

from accounts.models import User
from balance_api import admission
from balance_api.admission import BURST, Admission, Limits, Verdict
from balance_api.models import AnsweredTransaction, CallerRate
from esim.models import Sim
from moportal.identifiers import Iccid
from subscriptions import usable_buckets
from subscriptions.balances import NO_GUARD
from subscriptions.models import Bucket, Line, Period, SimOnLine, Subscription
from subscriptions.usable_buckets import Reading
from tests.balance_api.test_views import TRANSACTION, get_balance
from tests.builders import make_card
from tests.races import at_once

# `WORLDS=3000` makes more of them.
WORLDS = int(os.environ.get("WORLDS", "100"))
AT = datetime(2028, 2, 29, 23, 59, 59, 123_456, UTC)
MOMENT, SECOND, DAY = timedelta(microseconds=1), timedelta(seconds=1), timedelta(days=1)
LINES, SIMS, CALLERS, IDS = 2, 3, ("one", "two"), ("", "a", "b")
UNKNOWN = Iccid.numbered("8944998", 1)

# Times just before, at and just after the request.
shifts = st.sampled_from([-DAY, -SECOND, -MOMENT, timedelta(), MOMENT, SECOND, DAY])


@st.composite
def buckets(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(Bucket.Kind.values))
    total = draw(st.sampled_from([0, 1, 10_000, 5 * 10**9, 2**62]))
    used = draw(st.sampled_from([0, 0, total // 2, total]))
    countries = draw(st.lists(st.sampled_from(["US", "CA", "GB"]), unique=True))
    return {"kind": kind, "total_bytes": total, "used_bytes": used, "countries": countries}


@st.composite
def subscriptions(draw: st.DrawFn) -> dict[str, Any]:
    any_times = st.tuples(shifts, shifts).filter(lambda two: two[0] < two[1])
    times = draw(st.just((-DAY, DAY)) | any_times)
    return {
        "line": draw(st.integers(0, LINES - 1)),
        "is_usable": draw(st.sampled_from([True] * 6 + [False])),
        "times": times,
        "buckets": draw(st.lists(buckets(), max_size=3)),
    }


# Mostly a known SIM. SIMS means an unknown one, and None a text that is no ICCID.
which = st.sampled_from([0, 0, 0, 1, 2, SIMS, None])
limits = st.builds(
    Limits,
    interval=st.sampled_from([None, None, SECOND / 1000, SECOND / 3, SECOND, 4 * SECOND]),
    replay_window=st.sampled_from([None, SECOND, DAY]),
)


@dataclass(frozen=True)
class Asked:
    """One request. If its parameters are bad, it is only counted."""

    caller: str
    transaction_id: str
    sim: int | None
    shift: timedelta
    is_bad: bool


requests = st.builds(
    Asked,
    caller=st.sampled_from(CALLERS),
    transaction_id=st.sampled_from(IDS),
    sim=which,
    shift=shifts,
    is_bad=st.sampled_from([False, False, False, True]),
)


@dataclass(frozen=True)
class World:
    """What is stored, which requests come in turn, and the limits."""

    in_programme: list[bool]
    # The line of each SIM, and whether the SIM was on the other line before.
    on_line: list[int | None]
    moved: list[bool]
    subscriptions: list[dict[str, Any]]
    free_at: dict[str, timedelta]
    used: dict[tuple[str, str], timedelta]
    requests: list[Asked]
    limits: Limits


worlds = st.builds(
    World,
    in_programme=st.lists(st.booleans(), min_size=SIMS, max_size=SIMS),
    on_line=st.lists(st.sampled_from([0, 0, 0, 1, None]), min_size=SIMS, max_size=SIMS),
    moved=st.lists(st.booleans(), min_size=SIMS, max_size=SIMS),
    subscriptions=st.lists(subscriptions(), max_size=4),
    free_at=st.dictionaries(st.sampled_from(CALLERS), shifts),
    used=st.dictionaries(st.tuples(st.sampled_from(CALLERS), st.sampled_from(IDS[1:])), shifts),
    requests=st.lists(requests, min_size=1, max_size=5),
    limits=limits,
)


def build(world: World, account: User) -> list[Iccid]:
    """Store the world, and return the ICCIDs that requests name."""
    lines = [Line.objects.create(account=account) for _ in range(LINES)]
    sims = [make_card(is_in_programme=shown) for shown in world.in_programme]
    for sim, line, moved in zip(sims, world.on_line, world.moved, strict=True):
        if moved:
            old = lines[1 - (line or 0)]
            SimOnLine.objects.create(line=old, sim=sim, since=AT - 2 * DAY, until=AT - DAY)
        if line is not None:
            SimOnLine.objects.create(line=lines[line], sim=sim, since=AT - DAY)
    for number, sold in enumerate(world.subscriptions):
        starts_at, ends_at = (AT + shift for shift in sold["times"])
        line = lines[sold["line"]]
        subscription = Subscription.objects.create(line=line, reference=str(number))
        period = Period.objects.create(
            subscription=subscription,
            line=line,
            starts_at=starts_at,
            ends_at=ends_at,
            usable_until=ends_at if sold["is_usable"] else None,
        )
        for bucket in sold["buckets"]:
            Bucket.objects.create(period=period, **bucket)
    for caller, shift in world.free_at.items():
        CallerRate.objects.create(caller=caller, free_at=AT + shift)
    for (caller, transaction_id), shift in world.used.items():
        AnsweredTransaction.objects.create(
            caller=caller, transaction_id=transaction_id, at=AT + shift
        )
    return [*(Iccid(sim.iccid) for sim in sims), UNKNOWN]


Read = Callable[..., Reading]
Count = Callable[[str, datetime, Limits], bool]
STATEMENT = usable_buckets.read_by_statement, admission._count_by_statement  # noqa: SLF001 -- the choice is compared
ORM = usable_buckets.read_by_orm, admission._count_by_orm  # noqa: SLF001 -- the same


def play(backend: tuple[Read, Count], world: World, iccids: list[Iccid]) -> list[Any]:
    """Make the requests in turn, and return the answers and the rows at the end; roll back."""
    read, count = backend
    answers: list[Any] = []
    with transaction.atomic():
        for asked in world.requests:
            at = AT + asked.shift
            if asked.is_bad:
                answers.append(count(asked.caller, at, world.limits))
                continue
            iccid = None if asked.sim is None else iccids[asked.sim]
            guard = Admission(asked.caller, asked.transaction_id, at, world.limits)
            answers.append(meaning(read(iccid, at=at, guard=guard)))
            answers.append(meaning(read(iccid, at=at, guard=NO_GUARD)))
        answers.append(sorted(CallerRate.objects.values_list()))
        answers.append(sorted(AnsweredTransaction.objects.values_list("caller", "pk", "at")))
        transaction.set_rollback(True)
    return answers


def meaning(reading: Reading) -> object:
    """Return what counts: after a refusal the other fields are not used."""
    if reading.verdict is not None:
        return Verdict(reading.verdict)
    return reading.is_in_programme, sorted(reading.buckets)


TWICE = [Asked("one", "a", 0, timedelta(), is_bad=False)] * 2
PLAIN = World(
    in_programme=[True] * SIMS,
    on_line=[0] * SIMS,
    moved=[False] * SIMS,
    subscriptions=[],
    free_at={},
    used={},
    requests=TWICE,
    limits=Limits(interval=None, replay_window=DAY),
)


@pytest.mark.django_db
def test_the_statement_and_the_orm_answer_alike(alice: User) -> None:
    seen: set[object] = set()

    @settings(max_examples=WORLDS)
    @given(worlds)
    @example(PLAIN)
    @example(replace(PLAIN, limits=Limits(interval=4 * SECOND, replay_window=DAY)))
    def compare(world: World) -> None:
        with transaction.atomic():
            iccids = build(world, alice)
            by_orm = play(ORM, world, iccids)
            assert play(STATEMENT, world, iccids) == by_orm
            transaction.set_rollback(True)
        seen.update(one for one in by_orm if isinstance(one, Verdict))

    compare()
    # Both examples are refused, so both refusals were compared.
    assert seen == set(Verdict)


def test_reading_before_writing_would_let_concurrent_requests_through(sim: Sim) -> None:
    """Shows why one statement reads and writes the transaction id."""
    all_have_read = threading.Barrier(20)

    def naively() -> bool:
        stored = AnsweredTransaction(caller="anybody", transaction_id="T", at=AT)
        is_new = not AnsweredTransaction.objects.filter(pk=("anybody", "T")).exists()
        all_have_read.wait(timeout=20)
        AnsweredTransaction.objects.bulk_create([stored], ignore_conflicts=True)
        return is_new

    assert at_once(naively, 20).count(True) == 20


def test_one_of_twenty_concurrent_requests_with_one_transaction_id_is_answered(sim: Sim) -> None:
    statuses = at_once(lambda: get_balance(sim, **{TRANSACTION: "T"}).status_code, 20)

    assert sorted(statuses) == [200] + [409] * 19


def test_one_of_twenty_is_answered_when_the_id_may_be_used_again(sim: Sim) -> None:
    AnsweredTransaction.objects.create(caller="anybody", transaction_id="T", at=AT - 900 * DAY)

    statuses = at_once(lambda: get_balance(sim, **{TRANSACTION: "T"}).status_code, 20)

    assert sorted(statuses) == [200] + [409] * 19


@pytest.mark.parametrize("known", [False, True], ids=["new caller", "known caller"])
def test_concurrent_requests_are_admitted_only_up_to_the_burst(
    sim: Sim,
    known: bool,  # noqa: FBT001 -- a parameter of the test
) -> None:
    ten_a_second = Limits(interval=SECOND / 10, replay_window=DAY)
    if known:
        CallerRate.objects.create(caller="one", free_at=AT - DAY)
    numbers = iter(range(40))

    def is_admitted() -> bool:
        guard = Admission("one", f"T{next(numbers)}", AT, ten_a_second)
        reading = usable_buckets.read_by_statement(sim.iccid, at=AT, guard=guard)
        return reading.verdict is None

    results = at_once(is_admitted, 40)

    # The request that is due, and the burst.
    assert (results.count(True), results.count(False)) == (1 + BURST // (SECOND / 10), 29)
    # A refused request has not used its transaction id.
    assert AnsweredTransaction.objects.count() == 11
