"""`moportal.database.statements`: concurrent changes of one row, and bulk inserts and updates."""

from datetime import timedelta

import pytest
from django.utils.timezone import now
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from moportal.database.statements import (
    ROWS_AT_A_TIME,
    compare_and_set,
    execute_returning,
    insert_new,
    move,
    set_each,
)
from orders.models import Order
from orders.states import NEXT_STATES, OrderState
from outbox.models import Task
from tests.builders import make_order
from tests.races import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def task() -> Task:
    return Task.objects.create(kind="test", subject="1", not_before=now())


def test_a_row_that_is_as_expected_changes(task: Task) -> None:
    until = now() + timedelta(seconds=20)

    assert compare_and_set(Task, task.pk, {"lease_until": None}, lease_until=until, attempts=1)

    task.refresh_from_db()
    assert (task.lease_until, task.attempts) == (until, 1)


@pytest.mark.parametrize(
    "expected",
    [{"attempts": 5}, {"lease_token": "mine"}, {"kind": ["a", "b"]}, {"lease_until": []}],
)
def test_a_row_that_is_not_as_expected_stays_unchanged(
    task: Task, expected: dict[str, object]
) -> None:
    assert not compare_and_set(Task, task.pk, expected, attempts=1)

    task.refresh_from_db()
    assert task.attempts == 0


def test_one_of_several_expected_values_is_enough(task: Task) -> None:
    assert compare_and_set(Task, task.pk, {"kind": {"test", "other"}}, attempts=1)


def test_no_other_row_changes(task: Task) -> None:
    other = Task.objects.create(kind="test", subject="2", not_before=now())

    compare_and_set(Task, task.pk, {}, attempts=1)

    other.refresh_from_db()
    assert other.attempts == 0


def test_a_related_row_may_be_expected_and_set(alice: User, bob: User) -> None:
    order = make_order(alice)

    assert not compare_and_set(Order, order.pk, {"account": bob}, account=alice)
    assert compare_and_set(Order, order.pk, {"account": alice}, account=bob)
    assert Order.objects.get().account == bob


@pytest.mark.django_db(transaction=True)
def test_of_eight_concurrent_changes_one_wins(alice: User) -> None:
    order = make_order(alice)
    expected = {"state": order.state}

    won = at_once(lambda: compare_and_set(Order, order.pk, expected, state=OrderState.CANCELLED), 8)

    assert sorted(won) == [False] * 7 + [True]


def test_a_row_that_moves_has_its_new_values_without_being_read_again(
    alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    order = make_order(alice)
    account = order.account

    with django_assert_num_queries(1):
        assert move(order, NEXT_STATES, OrderState.IN_PROGRESS, tries=3)

    assert (order.state, order.tries) == ("in_progress", 3)
    assert order.account is account
    assert Order.objects.filter(state="in_progress", tries=3).exists()


def test_a_row_that_cannot_move_is_read_again(alice: User) -> None:
    order = make_order(alice)
    Order.objects.update(state=OrderState.CANCELLED)

    assert not move(order, NEXT_STATES, OrderState.IN_PROGRESS, tries=3)

    assert (order.state, order.tries) == ("cancelled", 0)


def tasks(*subjects: object) -> list[Task]:
    return [Task(kind="test", subject=str(subject), not_before=now()) for subject in subjects]


def test_of_many_rows_only_the_new_ones_are_inserted(task: Task) -> None:
    keys = insert_new(tasks(0, 1, 2, 2))

    assert [Task.objects.get(pk=key).subject for key in sorted(keys)] == ["0", "2"]
    assert Task.objects.count() == 3
    assert insert_new([]) == []


@pytest.mark.parametrize("rows", [ROWS_AT_A_TIME - 1, ROWS_AT_A_TIME, ROWS_AT_A_TIME + 1])
def test_many_rows_take_one_or_two_statements(
    db: None, rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1 + (rows > ROWS_AT_A_TIME)):
        keys = insert_new(tasks(*range(rows)))
    assert len(set(keys)) == Task.objects.count() == rows

    with django_assert_num_queries(1):
        set_each(Task, "attempts", {key: key for key in keys})
    assert all(task.attempts == task.pk for task in Task.objects.all())


def test_each_row_gets_its_own_value_and_other_rows_keep_theirs(task: Task) -> None:
    keys = insert_new(tasks(2, 3))

    set_each(Task, "attempts", {keys[0]: 2, keys[1]: 10**9, 0: 5})
    set_each(Task, "attempts", {})

    counted = Task.objects.order_by("subject").values_list("attempts", flat=True)
    assert list(counted) == [0, 2, 10**9]


def test_execute_returning_returns_the_rows_of_the_statement(task: Task) -> None:
    at = now()

    changed = "UPDATE outbox_task SET not_before = %s WHERE id = %s RETURNING id, kind"
    rows = execute_returning(changed, at, task.pk)

    assert rows == [(task.pk, "test")]
    assert Task.objects.get().not_before == at
    assert execute_returning(changed, at, 0) == []
