"""`moportal.statements`: a row is changed by one of two, and only if it is as expected."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils.timezone import now
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from moportal.statements import (
    ROWS_AT_A_TIME,
    compare_and_set,
    execute_returning,
    insert,
    insert_new,
    read,
    set_each,
)
from orders.models import Order
from orders.states import OrderState
from outbox.models import Task
from tests.builders import make_order
from tests.races import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def task() -> Task:
    return Task.objects.create(kind="test", subject="1", not_before=now())


def test_a_row_that_is_as_expected_is_changed(task: Task) -> None:
    until = now() + timedelta(seconds=20)

    assert compare_and_set(Task, task.pk, {"lease_until": None}, lease_until=until, attempts=1)

    task.refresh_from_db()
    assert (task.lease_until, task.attempts) == (until, 1)


@pytest.mark.parametrize(
    "expected",
    [{"attempts": 5}, {"lease_token": "mine"}, {"kind": ["a", "b"]}, {"lease_until": []}],
)
def test_a_row_that_is_not_is_left_alone(task: Task, expected: dict[str, object]) -> None:
    assert not compare_and_set(Task, task.pk, expected, attempts=1)

    task.refresh_from_db()
    assert task.attempts == 0


def test_one_of_several_values_is_enough(task: Task) -> None:
    assert compare_and_set(Task, task.pk, {"kind": {"test", "other"}}, attempts=1)


def test_no_other_row_is_touched(task: Task) -> None:
    other = Task.objects.create(kind="test", subject="2", not_before=now())

    compare_and_set(Task, task.pk, {}, attempts=1)

    other.refresh_from_db()
    assert other.attempts == 0


def test_a_row_stands_for_its_key(alice: User, bob: User) -> None:
    order = make_order(alice)

    assert not compare_and_set(Order, order.pk, {"account": bob}, account=alice)
    assert compare_and_set(Order, order.pk, {"account": alice}, account=bob)
    assert Order.objects.get().account == bob


@pytest.mark.django_db(transaction=True)
def test_of_two_who_expect_the_same_one_wins(alice: User) -> None:
    order = make_order(alice)
    was = {"state": order.state}

    won = at_once(lambda: compare_and_set(Order, order.pk, was, state=OrderState.CANCELLED), 8)

    assert sorted(won) == [False] * 7 + [True]


def test_a_row_that_is_added_is_as_if_created() -> None:
    row = insert(Task, kind="test", subject="1", not_before=now())

    found = Task.objects.get()
    assert row == found
    assert (row.enqueue_count, row.created_at) == (1, found.created_at)
    assert not row._state.adding  # noqa: SLF001 -- Django asks it before it saves


def test_what_the_database_refuses_is_told(task: Task) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        insert(Task, kind=task.kind, subject=task.subject, not_before=now())


def tasks(*subjects: object) -> list[Task]:
    return [Task(kind="test", subject=str(subject), not_before=now()) for subject in subjects]


def test_of_many_rows_those_that_are_new_are_added(task: Task) -> None:
    keys = insert_new(tasks(0, 1, 2, 2))

    assert [Task.objects.get(pk=key).subject for key in sorted(keys)] == ["0", "2"]
    assert Task.objects.count() == 3
    assert insert_new([]) == []


@pytest.mark.parametrize("rows", [ROWS_AT_A_TIME - 1, ROWS_AT_A_TIME, ROWS_AT_A_TIME + 1])
def test_many_rows_are_a_statement_or_two(
    db: None, rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1 + (rows > ROWS_AT_A_TIME)):
        keys = insert_new(tasks(*range(rows)))
    assert len(set(keys)) == Task.objects.count() == rows

    with django_assert_num_queries(1 + (rows > ROWS_AT_A_TIME)):
        set_each(Task, "attempts", {key: key for key in keys})
    assert all(task.attempts == task.pk for task in Task.objects.all())


def test_each_row_gets_its_own_value_and_others_keep_theirs(task: Task) -> None:
    keys = insert_new(tasks(2, 3))

    set_each(Task, "attempts", {keys[0]: 2, keys[1]: 10**9, 0: 5})
    set_each(Task, "attempts", {})

    counted = Task.objects.order_by("subject").values_list("attempts", flat=True)
    assert list(counted) == [0, 2, 10**9]


def test_a_row_is_read_with_what_it_points_to_by_one_statement(
    alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    order = make_order(alice)
    found = Order.objects.select_related("account", "payment__method").get()

    with django_assert_num_queries(1):
        row = read(Order, str(order.pk), "account", "payment__method")
        token = row.payment.method.token

    assert (row, row.account, row.payment.method) == (found, alice, found.payment.method)
    assert (token, row.payment.key) == (found.payment.method.token, found.payment.key)
    assert row.created_at == found.created_at


def test_what_a_row_does_not_point_to_is_nothing(
    alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    order = make_order(alice)

    with django_assert_num_queries(1):
        assert read(Order, order.pk, "profile__sim").profile is None


def test_a_row_that_was_read_is_as_the_orm_reads_it(alice: User) -> None:
    order = make_order(alice)

    row = read(Order, order.pk)

    row.trouble = "changed"
    row.save()
    assert Order.objects.get().trouble == "changed"


def test_a_row_that_is_not_there_is_told() -> None:
    with pytest.raises(Order.DoesNotExist, match="Order 7"):
        read(Order, 7)


def test_a_statement_of_ones_own_answers_with_its_rows(task: Task) -> None:
    at = now()

    changed = "UPDATE outbox_task SET not_before = %s WHERE id = %s RETURNING id, kind"
    rows = execute_returning(changed, at, task.pk)

    assert rows == [(task.pk, "test")]
    assert Task.objects.get().not_before == at
    assert execute_returning(changed, at, 0) == []
