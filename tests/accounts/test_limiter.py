"""`accounts.access.limiter`: different attempts are counted before anything is compared."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from itertools import count as numbers
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.test import Client
from django.utils.timezone import now

from accounts.access import limiter
from accounts.access.limiter import Counter, Limit, Locked
from accounts.models import AttemptCount, User
from accounts.texts import wait_text
from moportal.retention import purge
from tests.races import at_once

HOUR = timedelta(hours=1)
THREE = Limit("test", 3, HOUR)
FOR_STAFF = Limit("staff", 3, HOUR, is_lifted_by_staff_alone=True)
SIM, OTHER = Counter(THREE, "sim:1"), Counter(THREE, "sim:2")

pytestmark = pytest.mark.django_db


def use_up(counter: Counter) -> None:
    for number in range(counter.limit.most):
        limiter.count(f"wrong {number}", counter)


def pass_time(by: timedelta) -> None:
    """Move every count into the past, which is the same as waiting."""
    for row in AttemptCount.objects.exclude(ends_at=None):
        AttemptCount.objects.filter(pk=row.pk).update(
            began_at=row.began_at - by,
            ends_at=row.ends_at - by,  # type: ignore[operator]  # excluded above
        )


def test_the_last_allowed_attempt_locks_the_subject() -> None:
    use_up(SIM)

    with pytest.raises(Locked) as refused:
        limiter.count("right", SIM)

    assert refused.value.counter == SIM
    assert 3590 <= (refused.value.seconds or 0) <= 3600


def test_only_a_limit_that_says_so_lets_repetitions_pass_a_lock() -> None:
    lenient = Counter(replace(THREE, lets_repetitions_pass=True), "sim:3")
    use_up(SIM)
    use_up(lenient)

    limiter.count("wrong 0", lenient)
    limiter.count("wrong 0", lenient, OTHER)
    with pytest.raises(Locked):
        limiter.count("wrong 0", SIM)
    with pytest.raises(Locked):
        limiter.count("another", lenient)


@pytest.mark.django_db(transaction=True)
def test_repetitions_that_come_at_once_pass_the_lock_that_the_first_sets() -> None:
    lenient = Counter(replace(THREE, most=1, lets_repetitions_pass=True), "sim:3")

    assert at_once(lambda: limiter.count("same", lenient), 8) == [None] * 8


def test_another_subject_is_not_locked() -> None:
    use_up(SIM)

    limiter.count("right", OTHER)


def test_the_same_attempt_counts_once() -> None:
    for _ in range(10):
        limiter.count("wrong", SIM)

    assert [len(row.marks) for row in AttemptCount.objects.all()] == [1]


def test_a_lock_ends_with_its_time() -> None:
    use_up(SIM)
    pass_time(HOUR)

    limiter.count("next", SIM)

    assert [len(row.marks) for row in AttemptCount.objects.all()] == [1]


def test_a_lock_that_only_staff_lift_has_no_end(clara: User) -> None:
    counter = Counter(FOR_STAFF, "sim:1")
    use_up(counter)
    purge("accounts.AttemptCount")

    with pytest.raises(Locked) as refused:
        limiter.count("right", counter)
    assert refused.value.seconds is None

    limiter.lift(AttemptCount.objects.get(), actor=clara)
    limiter.count("right", counter)


def test_a_right_attempt_is_forgotten_and_opens_the_subject() -> None:
    use_up(SIM)

    limiter.forget("wrong 2", SIM)

    assert limiter.find_lock(SIM) is None
    limiter.count("another", SIM)
    assert limiter.find_lock(SIM) is not None


def test_the_last_forgotten_attempt_leaves_no_row() -> None:
    limiter.count("right", SIM, OTHER)

    limiter.forget("right", SIM, OTHER)

    assert not AttemptCount.objects.exists()


def test_an_unknown_attempt_forgets_nothing() -> None:
    use_up(SIM)

    limiter.forget("never tried", SIM)

    assert limiter.find_lock(SIM) is not None


def test_if_one_of_two_subjects_is_locked_the_other_counts_nothing() -> None:
    use_up(OTHER)

    with pytest.raises(Locked):
        limiter.count("wrong", SIM, OTHER)

    assert [row.subject for row in AttemptCount.objects.all()] == ["sim:2"]


def test_a_limit_of_zero_limits_nothing() -> None:
    unlimited = Counter(Limit("none", 0, HOUR), "sim:1")

    limiter.count("wrong", unlimited)

    assert not AttemptCount.objects.exists()
    assert limiter.find_lock() is None


def test_counts_of_the_past_are_purged_and_others_are_kept() -> None:
    limiter.count("wrong", SIM)
    pass_time(HOUR)
    limiter.count("wrong", OTHER)

    purge("accounts.AttemptCount")

    assert [row.subject for row in AttemptCount.objects.all()] == ["sim:2"]


def test_nobody_reads_from_a_count_what_was_typed() -> None:
    limiter.count("1234", SIM, OTHER)

    marks = [mark for row in AttemptCount.objects.all() for mark in row.marks]

    assert [len(mark) for mark in marks] == [limiter.MARK_LENGTH] * 2
    assert len(set(marks)) == 2, "the same text has another mark for another subject"


@pytest.mark.parametrize(
    ("until", "text"),
    [
        (None, "Contact our support team to go on."),
        (timedelta(seconds=-1), "Try again in 1 minute."),
        (timedelta(minutes=2, seconds=-1), "Try again in 2 minutes."),
        (timedelta(hours=24, seconds=-1), "Try again in 24 hours."),
    ],
)
def test_a_customer_reads_how_long_to_wait(until: timedelta | None, text: str) -> None:
    assert wait_text(Locked(SIM, now() + until if until else None)) == text


@pytest.mark.django_db(transaction=True)
def test_a_count_stays_although_the_request_fails() -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        limiter.count("wrong", SIM)

    assert not AttemptCount.objects.exists(), "inside a transaction nothing is counted at all"
    limiter.count("wrong", SIM)
    assert AttemptCount.objects.get().subject == "sim:1"


def compared(attempts: int) -> int:
    """Return how many of these different, concurrent attempts are compared."""
    number = numbers()

    def attempt() -> str:
        limiter.count(f"wrong {next(number)}", SIM)
        return "compared"

    return at_once(attempt, attempts).count("compared")


def test_attempts_in_the_same_microsecond_all_count() -> None:
    with time_machine.travel(now(), tick=False):
        use_up(SIM)

        with pytest.raises(Locked):
            limiter.count("one more", SIM)


@pytest.mark.django_db(transaction=True)
def test_of_many_attempts_at_once_no_more_than_allowed_are_compared() -> None:
    assert compared(12) == THREE.most


def read_without_locking(wanted: list[AttemptCount]) -> list[AttemptCount]:
    """Read the rows as they are, without locking them, and give the others time to do the same."""
    rows = [AttemptCount.objects.get(limit=row.limit, subject=row.subject) for row in wanted]
    time.sleep(0.2)
    return rows


@pytest.mark.django_db(transaction=True)
def test_without_the_row_lock_more_than_allowed_would_be_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limiter, "_lock_rows", read_without_locking)
    monkeypatch.setattr(limiter, "find_lock", lambda *_: None)

    assert max(compared(12) for _ in range(3)) > THREE.most


@pytest.fixture
def desk(client: Client, clara: User) -> Client:
    client.force_login(clara)
    return client


@pytest.mark.parametrize("term", ["alice@example.com", "8944"])
def test_staff_find_a_lock_and_lift_it(desk: Client, alice: User, term: str) -> None:
    subject = f"account:{alice.pk}" if "@" in term else "sim:8944110000000000008"
    use_up(Counter(THREE, subject))
    use_up(SIM)
    row = AttemptCount.objects.get(subject=subject)

    page = desk.get("/admin/accounts/attemptcount/", {"q": term}).text
    assert (subject in page, "sim:1" in page) == (True, False)
    desk.post("/admin/accounts/attemptcount/", {"action": "lift", "_selected_action": [row.pk]})

    assert [row.subject for row in AttemptCount.objects.all()] == ["sim:1"]


def test_finding_a_lock_takes_no_write_and_locks_no_row(
    django_assert_num_queries: Callable[[int], AbstractContextManager[Any]],
) -> None:
    use_up(SIM)

    with django_assert_num_queries(1), pytest.raises(Locked):
        limiter.count("wrong", SIM)


def test_of_two_attempts_forgotten_at_once_the_later_one_deletes_the_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limiter.count("one", SIM)
    limiter.count("two", SIM)
    remove = limiter._remove_mark  # noqa: SLF001 -- between its two statements another request comes

    def remove_after_the_other(rows: Any, mark: str, counter: Counter) -> None:
        monkeypatch.setattr(limiter, "_remove_mark", remove)
        limiter.forget("two", SIM)
        remove(rows, mark, counter)

    monkeypatch.setattr(limiter, "_remove_mark", remove_after_the_other)
    limiter.forget("one", SIM)

    assert not AttemptCount.objects.exists()
