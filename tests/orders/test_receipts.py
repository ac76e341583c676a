"""`orders.domain.receipts`: numbers without gaps, year by year, however many complete at once."""

import threading
from datetime import UTC, datetime

import pytest
from django.db import transaction
from pytest_django.fixtures import Settings

from accounts.models import User
from orders.domain.receipts import give_number
from orders.models import Order, Receipt, ReceiptCounter
from tests.builders import make_order, make_plan
from tests.orders.conftest import settled
from tests.races import at_once

NEW_YEAR = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
MANY = 12


def orders(alice: User, count: int) -> list[Order]:
    plan = make_plan()
    return [make_order(alice, plan=plan) for _ in range(count)]


def numbers(year: int = 2026) -> list[int]:
    return list(
        Receipt.objects.filter(year=year).order_by("number").values_list("number", flat=True)
    )


def test_a_completed_order_has_its_receipt(placed: Order) -> None:
    order = settled(placed)

    assert order.completed_at is not None
    assert str(order.receipt) == f"{order.completed_at.year}-000001"


def test_a_year_begins_at_one_in_the_operators_zone(alice: User, settings: Settings) -> None:
    first, second = orders(alice, 2)
    give_number(first, at=NEW_YEAR)
    settings.BILLING_ZONE = "Asia/Tokyo"
    give_number(second, at=NEW_YEAR)

    assert [str(one.receipt) for one in (first, second)] == ["2026-000001", "2027-000001"]


def test_each_gets_the_number_after_the_last(alice: User) -> None:
    for order in orders(alice, 3):
        give_number(order, at=NEW_YEAR)

    assert numbers() == [1, 2, 3]


def test_what_is_undone_leaves_no_gap(alice: User) -> None:
    first, second = orders(alice, 2)
    with transaction.atomic():
        give_number(first, at=NEW_YEAR)
        transaction.set_rollback(True)

    give_number(second, at=NEW_YEAR)

    assert numbers() == [1]


@pytest.mark.django_db(transaction=True)
def test_many_at_once_get_every_number_once(alice: User) -> None:
    waiting = [order.pk for order in orders(alice, MANY)]

    def complete() -> None:
        with transaction.atomic():
            give_number(Order.objects.get(pk=waiting.pop()), at=NEW_YEAR)

    assert at_once(complete, MANY) == [None] * MANY
    assert numbers() == list(range(1, MANY + 1))


@pytest.mark.django_db(transaction=True)
def test_without_the_counter_numbers_would_be_lost(alice: User) -> None:
    """Show the race that the counter takes away: read, then count, gives numbers twice."""
    ReceiptCounter.objects.create(year=2026)
    seen: list[int] = []

    def count() -> None:
        with transaction.atomic():
            last = ReceiptCounter.objects.get(year=2026).last
            seen.append(last + 1)
            barrier.wait(timeout=20)
            ReceiptCounter.objects.filter(year=2026).update(last=last + 1)

    barrier = threading.Barrier(MANY)
    at_once(count, MANY)

    assert len(set(seen)) < MANY
