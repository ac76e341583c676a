"""Stripe's books with their payouts, against the stand-in: fetched, and compared to the cent."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from accounts.models import User
from moportal.money import Money
from outbox.domain import RetryAfter, enqueue
from payments.domain import fetching, refunds
from payments.gateways.stripe import books
from payments.models import BookDay, BookDifference, BookEntry, Payment, PaymentMethod
from payments.states import DifferenceKind, EntryKind, MethodKind, RefundKind
from tests.payments.conftest import authorise, capture
from tests.payments.stripe import keep_card
from tests.processing import process_task

# The stand-in's fee for the charge.
PRICE, FEE = 1900, 30 + 1900 * 290 // 10_000


@pytest.fixture
def sold(alice: User, stripe: str) -> list[Payment]:
    """Return three charges of Alice's card, one of which is refunded in part."""
    charged = [charge(alice, stripe) for _ in range(3)]
    part = Money(500, "USD")
    refunds.request_refund(charged[0], part, kind=RefundKind.GOODWILL, reason="x", actor=alice)
    process_task(refunds.KIND, charged[0].refunds.get().pk)
    return charged


def charge(alice: User, stripe: str) -> Payment:
    card = {"brand": "Visa", "last4": "4242", "expiry_month": 12, "expiry_year": 2049}
    method = PaymentMethod.objects.create(
        account=alice, gateway="stripe", kind=MethodKind.CARD, token=keep_card(stripe), **card
    )
    row = {"reference": "ORDER", "minor_units": PRICE, "currency": "USD"}
    return capture(authorise(Payment.objects.create(method=method, **row)))


def pay_out(stripe: str, **fields: Any) -> str:
    asked = {"currency": "usd", **fields}
    answer = httpx.post(f"{stripe}/payouts", json=asked, trust_env=False).raise_for_status()
    return str(answer.json()["id"])


def fetch_today() -> RetryAfter | None:
    """Fetch and compare today's books."""
    day, _is_new = BookDay.objects.get_or_create(gateway="stripe", day=datetime.now(UTC).date())
    BookDay.objects.update(is_complete=False, compared_at=None, after="")
    enqueue(fetching.KIND, day.pk)
    return process_task(fetching.KIND, day.pk)


def found() -> list[tuple[str, int | None, int | None]]:
    rows = BookDifference.objects.filter(settled_at=None)
    return list(rows.values_list("kind", "our_minor_units", "their_minor_units"))


@pytest.mark.parametrize("page", [1, 100])
def test_a_payout_is_the_sum_of_its_entries_less_their_fees(
    sold: list[Payment], stripe: str, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(books, "PAGE", page)
    first = pay_out(stripe)
    second = pay_out(stripe, amount=0)

    assert fetch_today() is None

    assert found() == []
    paid = BookEntry.objects.exclude(kind=EntryKind.PAYOUT)
    assert list(paid.values_list("payout_id", flat=True)) == [first] * 4
    payouts = BookEntry.objects.filter(kind=EntryKind.PAYOUT).order_by("minor_units")
    assert [(one.payout_id, one.minor_units) for one in payouts] == [
        (first, -(3 * (PRICE - FEE) - 500)),
        (second, 0),
    ]


def test_a_payout_that_pays_too_little_is_a_difference(sold: list[Payment], stripe: str) -> None:
    due = 3 * (PRICE - FEE) - 500
    pay_out(stripe, amount=due - 1)

    fetch_today()

    assert found() == [(DifferenceKind.PAYOUT_SUM, due, due - 1)]


def test_what_was_fetched_before_its_payout_gets_the_payouts_id(
    sold: list[Payment], stripe: str
) -> None:
    fetch_today()
    pay_out(stripe)

    fetch_today()

    assert found() == []
    assert not BookEntry.objects.filter(payout_id="").exists()


def test_a_payout_by_hand_is_not_compared(sold: list[Payment], stripe: str) -> None:
    pay_out(stripe, amount=1, automatic=False, reconciliation_status="not_applicable")

    fetch_today()

    assert found() == []
    assert BookEntry.objects.get(kind=EntryKind.PAYOUT).payout_id == ""


def test_a_payout_whose_list_is_not_complete_is_asked_about_again(
    sold: list[Payment], stripe: str
) -> None:
    pay_out(stripe, reconciliation_status="in_progress")

    assert isinstance(fetch_today(), RetryAfter)

    day = BookDay.objects.get()
    assert not day.is_complete
    assert day.last_error.endswith("a payout's list is not complete yet")


def test_a_place_in_the_books_fits_into_its_column() -> None:
    longest = "/".join(["po_" + "1" * 24, "txn_" + "1" * 24, "txn_" + "1" * 24])

    assert len(longest) <= (BookDay._meta.get_field("after").max_length or 0)
