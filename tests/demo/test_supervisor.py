"""The supervisor starts a part again that has ended, and says how long it waits."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from demo.parts import Part
from demo.supervisor import Supervisor

pytestmark = pytest.mark.processes
PATIENCE = 20.0
ENDS = Part("worker", (sys.executable, "-c", "raise SystemExit(3)"))
STAYS = Part("web", (sys.executable, "-c", "import time; time.sleep(600)"))


class Clock:
    """A clock that only a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(clock: Clock, said: list[str]) -> Iterator[Supervisor]:
    """Return a supervisor that appends its remarks and the output to `said`."""
    running = Supervisor(
        environment=dict(os.environ),
        say=lambda name, line: said.append(f"{name} {line}"),
        clock=clock,
    )
    yield running
    running.stop()


def test_a_part_that_keeps_ending_is_started_again_after_a_longer_wait_each_time(
    supervisor: Supervisor, clock: Clock, said: list[str]
) -> None:
    supervisor.start([ENDS])

    for ends in range(1, 5):
        _restart_until(supervisor, partial(_has_said, said, ends))
        clock.now += 8

    assert said == [
        "worker ended with code 3; starting it again in 1 s",
        "worker ended with code 3; starting it again in 2 s",
        "worker ended with code 3; starting it again in 4 s",
        "worker ended with code 3; starting it again in 8 s",
    ]


def test_a_part_is_not_started_before_the_wait_is_over(
    supervisor: Supervisor, clock: Clock, said: list[str]
) -> None:
    supervisor.start([ENDS])
    _restart_until(supervisor, lambda: bool(said))

    clock.now += 0.9
    supervisor.restart_ended()

    assert supervisor.missing() == ["worker"]


def test_the_other_parts_run_on_while_one_waits(
    supervisor: Supervisor, clock: Clock, said: list[str]
) -> None:
    supervisor.start([ENDS, STAYS])

    _restart_until(supervisor, lambda: bool(said))

    assert supervisor.missing() == ["worker"]


def test_a_part_that_was_killed_on_purpose_stays_down(
    supervisor: Supervisor, clock: Clock, said: list[str]
) -> None:
    supervisor.start([STAYS])
    supervisor.kill("web")

    clock.now += 600
    supervisor.restart_ended()

    assert supervisor.missing() == ["web"]
    assert said == []


def test_a_part_that_is_killed_on_purpose_while_it_waits_is_not_started_again(
    supervisor: Supervisor, clock: Clock, said: list[str]
) -> None:
    supervisor.start([ENDS])
    _restart_until(supervisor, lambda: bool(said))
    supervisor.kill("worker")

    clock.now += 600

    assert supervisor.restart_ended() == []
    assert supervisor.missing() == ["worker"]


def _has_said(said: list[str], lines: int) -> bool:
    return len(said) == lines


def _restart_until(supervisor: Supervisor, is_done: Callable[[], bool]) -> None:
    """Run the supervisor's round until the condition holds; real processes take a moment to end."""
    deadline = time.monotonic() + PATIENCE
    while not is_done():
        assert time.monotonic() < deadline
        supervisor.restart_ended()
        time.sleep(0.01)
