"""Concurrent batches of usage: each record counts once, and no batch is lost."""

import threading
from contextlib import suppress
from typing import Any

import pytest

from accounts.models import User
from esim.models import Sim
from subscriptions.domain import allocation
from subscriptions.models import Line
from tests.races import at_once
from tests.subscriptions.usages import START, at, give, make_line, said, tell, used


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
