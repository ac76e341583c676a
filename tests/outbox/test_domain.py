"""`outbox.domain`: what was asked for is looked at, once at a time, until it is done."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils.timezone import now
from kombu.exceptions import OperationalError

from outbox import domain, tasks
from outbox.domain import Lease, LookAgain
from outbox.models import Heartbeat, Task
from tests.races import at_once, wait_for_lock

pytestmark = pytest.mark.django_db
KIND = "test"


class Room:
    """A room that notes what it was asked to look at, and answers as it is told."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.answer: LookAgain | Exception | None = None

    def __call__(self, subject: str, lease: Lease) -> LookAgain | None:
        self.seen.append(subject)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def room() -> Iterator[Room]:
    """Register a room for the length of a test."""
    made = Room()
    domain.register(KIND, made)
    yield made
    del domain._handlers[KIND]  # noqa: SLF001 -- taken away again


def rung() -> Task:
    domain.ring(KIND, 1)
    return Task.objects.get()


def test_a_bell_leaves_one_row(room: Room) -> None:
    domain.ring(KIND, 1)
    domain.ring(KIND, 1)

    assert Task.objects.get().rings == 2


def test_a_look_that_is_done_closes_the_row(room: Room) -> None:
    task = rung()

    domain.look(task.pk)

    task.refresh_from_db()
    assert room.seen == ["1"]
    assert task.closed_at is not None


def test_a_closed_row_is_not_looked_at_again(room: Room) -> None:
    task = rung()

    domain.look(task.pk)
    domain.look(task.pk)

    assert room.seen == ["1"]


def test_a_row_that_is_held_is_left_alone(room: Room) -> None:
    task = rung()
    Task.objects.update(lease_until=now() + timedelta(seconds=20), lease_token="other")

    domain.look(task.pk)

    assert room.seen == []


def test_a_lease_that_has_run_out_is_anybodys(room: Room) -> None:
    task = rung()
    Task.objects.update(lease_until=now() - timedelta(seconds=1), lease_token="dead")

    assert domain.due_tasks() == [task.pk]
    domain.look(task.pk)

    assert room.seen == ["1"]


def test_look_again_sets_the_time(room: Room) -> None:
    task = rung()
    room.answer = LookAgain(timedelta(minutes=5))

    domain.look(task.pk)

    task.refresh_from_db()
    assert task.closed_at is None
    assert task.lease_until is None
    assert timedelta(minutes=4) < task.not_before - now() < timedelta(minutes=5)
    assert domain.due_tasks() == []


def test_a_handler_that_fails_is_tried_again_later(room: Room) -> None:
    task = rung()
    room.answer = ZeroDivisionError("by zero")

    domain.look(task.pk)

    task.refresh_from_db()
    assert task.closed_at is None
    assert task.last_error == "ZeroDivisionError: by zero"
    assert task.not_before > now()


def test_who_lost_the_lease_meanwhile_changes_nothing(room: Room) -> None:
    task = rung()
    room.answer = domain.LeaseLost(task.pk)

    domain.look(task.pk)

    before, lease = task.not_before, Task.objects.get()
    assert (lease.not_before, lease.last_error, lease.closed_at) == (before, "", None)


def test_a_look_that_is_near_is_asked_for_with_a_delayed_message(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, told = rung(), []
    monkeypatch.setattr(
        "celery.app.base.Celery.send_task", lambda *_args, **said: told.append(said)
    )
    room.answer = LookAgain(timedelta(seconds=2))

    domain.look(task.pk)

    assert told == [{"args": [task.pk], "countdown": 2.0}]


def test_a_bell_during_a_look_means_another_look(room: Room) -> None:
    task = rung()

    def rings_meanwhile(subject: str, lease: Lease) -> None:
        domain.ring(KIND, subject)

    domain.register(KIND, rings_meanwhile)
    domain.look(task.pk)

    task.refresh_from_db()
    assert task.closed_at is None
    assert domain.due_tasks() == [task.pk]


@pytest.mark.django_db(transaction=True)
def test_a_bell_that_meets_a_row_being_closed_opens_the_next(room: Room) -> None:
    task = rung()
    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            Task.objects.update(closed_at=now())
            bell = other.submit(_ring_and_hang_up)
            wait_for_lock()
        bell.result(timeout=20)

    assert Task.objects.exclude(pk=task.pk).get().closed_at is None


@pytest.mark.django_db(transaction=True)
def test_ten_bells_at_once_are_one_row(room: Room) -> None:
    at_once(lambda: domain.ring(KIND, 1), 10)

    assert Task.objects.get().rings == 10


def _ring_and_hang_up() -> None:
    try:
        domain.ring(KIND, 1)
    finally:
        connection.close()


def test_who_lost_the_lease_may_not_prolong_it(room: Room) -> None:
    task = rung()
    Task.objects.update(lease_token="another")

    with pytest.raises(domain.LeaseLost):
        Lease(task.pk, "mine").prolong()


def test_the_pause_doubles_and_is_never_longer_than_ten_minutes() -> None:
    for attempts in range(40):
        longest = min(2.0**attempts, 600)
        assert longest / 2 <= domain.backoff(attempts).total_seconds() <= longest


@pytest.mark.django_db(transaction=True)
def test_of_ten_workers_one_looks(room: Room) -> None:
    task = rung()
    room.answer = LookAgain(timedelta(minutes=5))

    at_once(lambda: domain.look(task.pk), 10)

    assert room.seen == ["1"]


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_away_does_not_fail_the_request(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_args: object, **_kwargs: object) -> None:
        raise OperationalError("no broker")

    monkeypatch.setattr("celery.app.base.Celery.send_task", away)

    domain.ring(KIND, 1)

    assert Task.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_bell_rings_only_after_the_commit(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[object] = []
    monkeypatch.setattr(
        "celery.app.base.Celery.send_task", lambda *_args, **kwargs: sent.append(kwargs["args"])
    )

    with transaction.atomic():
        domain.ring(KIND, 1)
        assert sent == []

    assert sent == [[Task.objects.get().pk]]


def test_what_travels_is_the_id_of_a_row(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    task, told = rung(), []
    monkeypatch.setattr(tasks.look_at, "apply_async", lambda **said: told.append(said))

    tasks.reconcile()
    tasks.look_at(task.pk)

    assert told == [{"args": (task.pk,), "expires": 10}]
    assert room.seen == ["1"]


def test_a_worker_that_starts_comes_round_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[bool] = []
    monkeypatch.setattr(tasks.reconcile, "delay", lambda: told.append(True))

    tasks.come_round_at_once()

    assert told == [True]


def test_the_reconciler_notes_that_a_worker_lives() -> None:
    tasks.reconcile()

    assert Heartbeat.objects.get().name == "worker"
