"""`payments.domain.receipts`: each year's numbers have no gaps, even under concurrent charges."""

import threading
from datetime import UTC, datetime

import pytest
from django.db import transaction
from pytest_django.fixtures import Settings

from accounts.models import User
from payments.domain.receipts import issue_receipt
from payments.models import Payment, Receipt, ReceiptCounter
from payments.states import MethodKind
from tests.builders import make_order, make_plan, payment_of
from tests.payments.conftest import sale_of
from tests.races import at_once

NEW_YEAR = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
MANY = 12


@pytest.fixture(autouse=True)
def without_order_limit(settings: Settings) -> None:
    """Let one customer have many open orders."""
    settings.ORDER_LIMIT = settings.DEVICE_ORDER_LIMIT = 0


def payments(alice: User, count: int) -> list[Payment]:
    plan = make_plan()
    return [payment_of(make_order(alice, plan=plan)) for _ in range(count)]


def issue(payment: Payment) -> Receipt | None:
    return issue_receipt(payment, sale_of(payment), at=NEW_YEAR)


def numbers(year: int = 2026) -> list[int]:
    return list(
        Receipt.objects.filter(year=year).order_by("number").values_list("number", flat=True)
    )


def test_each_year_in_the_billing_zone_begins_at_one(alice: User, settings: Settings) -> None:
    first, second = payments(alice, 2)
    issue(first)
    settings.BILLING_ZONE = "Asia/Tokyo"
    issue(second)

    assert [str(one.receipt) for one in (first, second)] == ["2026-000001", "2027-000001"]


def test_each_receipt_gets_the_next_number(alice: User) -> None:
    for payment in payments(alice, 3):
        issue(payment)

    assert numbers() == [1, 2, 3]


def test_a_rollback_leaves_no_gap(alice: User) -> None:
    first, second, on_bill = payments(alice, 3)
    on_bill.method.kind = MethodKind.BILL
    with transaction.atomic():
        issue(first)
        transaction.set_rollback(True)
    with transaction.atomic():
        issue(on_bill)
        transaction.set_rollback(True)

    issue(second)

    assert numbers() == [1]


def test_a_payment_on_the_operators_bill_takes_no_number(alice: User) -> None:
    first, on_bill, last = payments(alice, 3)
    on_bill.method.kind = MethodKind.BILL

    for payment in (first, on_bill, last):
        issue(payment)

    assert numbers() == [1, 2]
    assert not Receipt.objects.filter(payment=on_bill).exists()


@pytest.mark.django_db(transaction=True)
def test_concurrent_completions_get_each_number_once(alice: User) -> None:
    waiting = [payment.pk for payment in payments(alice, MANY)]

    def complete() -> None:
        with transaction.atomic():
            issue(Payment.objects.get(pk=waiting.pop()))

    assert at_once(complete, MANY) == [None] * MANY
    assert numbers() == list(range(1, MANY + 1))


@pytest.mark.django_db(transaction=True)
def test_without_the_lock_numbers_would_be_given_twice(alice: User) -> None:
    """Show the race that the locked counter prevents: read, then write, gives a number twice."""
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
