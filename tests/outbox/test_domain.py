"""`outbox.domain`: an enqueued task is processed by one worker at a time until it is done."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils.timezone import now
from kombu.exceptions import OperationalError
from pytest_django.fixtures import Settings

from outbox import domain, tasks
from outbox.domain import Lease, RetryAfter
from outbox.models import Heartbeat, Task
from tests.races import at_once, wait_for_lock

pytestmark = pytest.mark.django_db
KIND = "test"


class FakeHandler:
    """A handler that records the subjects it gets, and returns or raises `answer`."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.answer: RetryAfter | Exception | None = None

    def __call__(self, subject: str, lease: Lease) -> RetryAfter | None:
        self.seen.append(subject)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def handler() -> Iterator[FakeHandler]:
    """Register a handler for the length of a test."""
    made = FakeHandler()
    domain.register(KIND, made)
    yield made
    del domain._handlers[KIND]  # noqa: SLF001 -- undone after the test


def enqueued_task() -> Task:
    domain.enqueue(KIND, 1)
    return Task.objects.get()


def test_enqueuing_a_task_twice_leaves_one_row(handler: FakeHandler) -> None:
    domain.enqueue(KIND, 1)
    domain.enqueue(KIND, 1)

    assert Task.objects.get().enqueue_count == 2


def test_a_handler_that_is_done_closes_the_row(handler: FakeHandler) -> None:
    task = enqueued_task()

    domain.process(task.pk)

    task.refresh_from_db()
    assert handler.seen == ["1"]
    assert task.closed_at is not None


def test_enqueuing_a_closed_task_opens_a_new_row(handler: FakeHandler) -> None:
    done = enqueued_task()
    domain.process(done.pk)

    domain.enqueue(KIND, 1)

    opened = Task.objects.get(closed_at=None)
    assert (opened.pk != done.pk, opened.enqueue_count) == (True, 1)
    assert domain.due_tasks() == [opened.pk]


def test_enqueuing_makes_a_waiting_task_due_now(handler: FakeHandler) -> None:
    task = enqueued_task()
    Task.objects.update(not_before=now() + timedelta(minutes=5))

    domain.enqueue(KIND, 1)

    assert domain.due_tasks() == [task.pk]


def test_a_closed_task_is_not_processed_again(handler: FakeHandler) -> None:
    task = enqueued_task()

    domain.process(task.pk)
    domain.process(task.pk)

    assert handler.seen == ["1"]


def test_a_leased_task_is_left_alone(handler: FakeHandler) -> None:
    task = enqueued_task()
    Task.objects.update(lease_until=now() + timedelta(seconds=20), lease_token="other")

    domain.process(task.pk)

    assert handler.seen == []


def test_a_task_that_is_not_due_is_left_alone(handler: FakeHandler) -> None:
    task = enqueued_task()
    Task.objects.update(not_before=now() + timedelta(seconds=20))

    domain.process(task.pk)

    assert handler.seen == []


def test_a_task_whose_lease_has_expired_is_processed(handler: FakeHandler) -> None:
    task = enqueued_task()
    Task.objects.update(lease_until=now() - timedelta(seconds=1), lease_token="dead")

    assert domain.due_tasks() == [task.pk]
    domain.process(task.pk)

    assert handler.seen == ["1"]


def test_due_tasks_are_open_and_without_a_lease(handler: FakeHandler) -> None:
    for subject in range(4):
        domain.enqueue(KIND, subject)
    closed, leased, early, due = Task.objects.order_by("pk")
    Task.objects.filter(pk=closed.pk).update(closed_at=now())
    Task.objects.filter(pk=leased.pk).update(lease_until=now() + timedelta(seconds=20))
    Task.objects.filter(pk=early.pk).update(not_before=now() + timedelta(seconds=20))

    assert domain.due_tasks() == [due.pk]


def test_processing_one_task_leaves_the_others_alone(handler: FakeHandler) -> None:
    first, other = enqueued_task(), Task.objects.create(kind=KIND, subject="2", not_before=now())
    handler.answer = RetryAfter(timedelta(minutes=5))

    domain.process(first.pk)

    assert Task.objects.get(pk=first.pk).attempts == 1
    other.refresh_from_db()
    assert (other.attempts, other.lease_token) == (0, "")


def test_each_run_counts_as_an_attempt(handler: FakeHandler) -> None:
    task = enqueued_task()
    for _ in range(3):
        handler.answer = RetryAfter(timedelta())
        domain.process(task.pk)

    task.refresh_from_db()
    assert task.attempts == 3


def test_retry_after_sets_the_time_of_the_next_run(handler: FakeHandler) -> None:
    task = enqueued_task()
    handler.answer = RetryAfter(timedelta(minutes=5))

    domain.process(task.pk)

    task.refresh_from_db()
    assert task.closed_at is None
    assert task.lease_until is None
    assert timedelta(minutes=4) < task.not_before - now() < timedelta(minutes=5)
    assert domain.due_tasks() == []


def test_a_task_whose_handler_fails_is_retried_later(handler: FakeHandler) -> None:
    task = enqueued_task()
    handler.answer = ZeroDivisionError("by zero")

    domain.process(task.pk)

    task.refresh_from_db()
    assert task.closed_at is None
    assert task.last_error == "ZeroDivisionError: by zero"
    assert task.not_before > now()


@pytest.mark.parametrize("answer", [None, RetryAfter(timedelta(minutes=5))])
def test_a_run_without_an_error_clears_the_last_error(
    handler: FakeHandler, answer: RetryAfter | None
) -> None:
    task = enqueued_task()
    Task.objects.update(last_error="ZeroDivisionError: by zero")
    handler.answer = answer

    domain.process(task.pk)

    task.refresh_from_db()
    assert (task.last_error, task.lease_token) == ("", "")


@pytest.mark.parametrize(
    "answer", [None, RetryAfter(timedelta(minutes=5)), ZeroDivisionError("by zero")]
)
def test_a_worker_that_lost_its_lease_leaves_the_row_to_the_new_one(
    handler: FakeHandler, answer: RetryAfter | Exception | None
) -> None:
    task, until = enqueued_task(), now() + timedelta(seconds=20)

    def lose_lease(subject: str, lease: Lease) -> RetryAfter | None:
        Task.objects.update(lease_token="another", lease_until=until)
        if isinstance(answer, Exception):
            raise answer
        return answer

    domain.register(KIND, lose_lease)
    domain.process(task.pk)

    task.refresh_from_db()
    assert (task.lease_token, task.lease_until) == ("another", until)
    assert (task.closed_at, task.last_error) == (None, "")


def test_a_handler_that_raises_lease_lost_changes_nothing(handler: FakeHandler) -> None:
    task = enqueued_task()
    handler.answer = domain.LeaseLost(task.pk)

    domain.process(task.pk)

    found = Task.objects.get()
    assert (found.not_before, found.last_error, found.closed_at) == (task.not_before, "", None)


def test_a_retry_that_is_due_soon_gets_a_delayed_message(
    handler: FakeHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, sent = enqueued_task(), []
    monkeypatch.setattr(
        "celery.app.base.Celery.send_task",
        lambda _celery, name, **options: sent.append((name, options)),
    )
    handler.answer = RetryAfter(timedelta(seconds=2))

    domain.process(task.pk)

    assert sent == [(tasks.process.name, {"args": [task.pk], "countdown": 2.0})]


def test_a_task_enqueued_during_its_run_runs_again(handler: FakeHandler) -> None:
    task = enqueued_task()

    def enqueue_meanwhile(subject: str, lease: Lease) -> None:
        domain.enqueue(KIND, subject)

    domain.register(KIND, enqueue_meanwhile)
    Task.objects.update(last_error="ZeroDivisionError: by zero")
    domain.process(task.pk)

    task.refresh_from_db()
    assert (task.closed_at, task.lease_token, task.last_error) == (None, "", "")
    assert domain.due_tasks() == [task.pk]


def test_a_task_enqueued_during_its_run_is_due_at_once(handler: FakeHandler) -> None:
    task = enqueued_task()

    def enqueue_meanwhile(subject: str, lease: Lease) -> RetryAfter:
        domain.enqueue(KIND, subject)
        return RetryAfter(timedelta(minutes=5))

    domain.register(KIND, enqueue_meanwhile)
    domain.process(task.pk)

    assert domain.due_tasks() == [task.pk]


@pytest.mark.django_db(transaction=True)
def test_enqueuing_a_task_while_it_is_closed_opens_a_new_row(handler: FakeHandler) -> None:
    task = enqueued_task()
    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            Task.objects.update(closed_at=now())
            enqueuing = other.submit(_enqueue_and_disconnect)
            wait_for_lock()
        enqueuing.result(timeout=20)

    assert Task.objects.exclude(pk=task.pk).get().closed_at is None


@pytest.mark.django_db(transaction=True)
def test_ten_concurrent_enqueues_leave_one_row(handler: FakeHandler) -> None:
    at_once(lambda: domain.enqueue(KIND, 1), 10)

    assert Task.objects.get().enqueue_count == 10


def _enqueue_and_disconnect() -> None:
    try:
        domain.enqueue(KIND, 1)
    finally:
        connection.close()


def test_renewing_a_lease_extends_it_by_its_full_length(
    handler: FakeHandler, settings: Settings
) -> None:
    task, other = enqueued_task(), Task.objects.create(kind=KIND, subject="2", not_before=now())
    Task.objects.update(lease_token="mine", lease_until=now())
    whole = timedelta(seconds=settings.OUTBOX_LEASE)

    before = now()
    Lease(task.pk, "mine").renew()

    until = Task.objects.get(pk=task.pk).lease_until
    assert until is not None
    assert before + whole <= until <= now() + whole
    untouched = Task.objects.get(pk=other.pk).lease_until
    assert untouched is not None
    assert untouched <= before


def test_a_worker_that_lost_its_lease_cannot_renew_it(handler: FakeHandler) -> None:
    task = enqueued_task()
    Task.objects.update(lease_token="another")

    with pytest.raises(domain.LeaseLost):
        Lease(task.pk, "mine").renew()


def test_a_lease_is_renewed_only_when_a_call_could_outlast_it(
    handler: FakeHandler, settings: Settings
) -> None:
    task = enqueued_task()
    Task.objects.update(lease_token="mine")
    spare = timedelta(seconds=(settings.OUTBOX_LEASE - settings.OUTSIDE_CALL_TIMEOUT) / 2)
    lease = Lease(task.pk, "mine", renewed_at=now())

    lease.cover_call()
    assert Task.objects.get().lease_until is None

    lease.renewed_at = now() - spare
    lease.cover_call()
    assert Task.objects.get().lease_until is not None
    assert now() - lease.renewed_at < spare


def test_a_worker_that_stalled_past_its_lease_learns_that_it_lost_it(handler: FakeHandler) -> None:
    task = enqueued_task()
    Task.objects.update(lease_token="another")
    lease = Lease(task.pk, "mine", renewed_at=now() - timedelta(minutes=1))

    with pytest.raises(domain.LeaseLost):
        lease.cover_call()


@pytest.mark.django_db(transaction=True)
def test_of_ten_workers_one_processes_the_task(handler: FakeHandler) -> None:
    task = enqueued_task()
    handler.answer = RetryAfter(timedelta(minutes=5))

    at_once(lambda: domain.process(task.pk), 10)

    assert handler.seen == ["1"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [OperationalError("no broker"), ZeroDivisionError("a fault")])
def test_an_unavailable_broker_does_not_fail_the_request(
    handler: FakeHandler, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise error

    monkeypatch.setattr("celery.app.base.Celery.send_task", refuse)

    domain.enqueue(KIND, 1)

    assert Task.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_broker_message_is_sent_only_after_the_commit(
    handler: FakeHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[object] = []
    monkeypatch.setattr(
        "celery.app.base.Celery.send_task", lambda *_args, **kwargs: sent.append(kwargs["args"])
    )

    with transaction.atomic():
        domain.enqueue(KIND, 1)
        assert sent == []

    assert sent == [[Task.objects.get().pk]]


def test_a_broker_message_carries_the_id_of_a_row(
    handler: FakeHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, sent = enqueued_task(), []
    monkeypatch.setattr(tasks.process, "apply_async", lambda **options: sent.append(options))

    tasks.reconcile()
    tasks.process(task.pk)

    assert sent == [{"args": (task.pk,), "expires": 10}]
    assert handler.seen == ["1"]


def test_a_worker_reconciles_when_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[bool] = []
    monkeypatch.setattr(tasks.reconcile, "delay", lambda: sent.append(True))

    tasks.reconcile_at_start()

    assert sent == [True]


def test_the_reconciler_stores_a_heartbeat() -> None:
    tasks.reconcile()

    assert Heartbeat.objects.get().name == "worker"
