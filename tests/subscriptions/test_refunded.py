"""A month whose charge goes back, in whole or in part: the customer is told, once."""

from collections.abc import Iterator

import pytest

from accounts.domain.telling import words_of
from accounts.models import AccountMessage, User
from moportal.money import Money
from payments.domain import refunds
from payments.models import CreditNote, Payment, PaymentMethod, Receipt, Refund
from payments.states import RefundKind
from tests.processing import process_task
from tests.subscriptions.renewals import HOUR, PRICE, Renewal, sell
from tests.subscriptions.test_renewing import FEBRUARY

NO_REFUND = "4000000000005126"


@pytest.fixture
def renewed(alice: User, gateway: str, network: str) -> Iterator[Renewal]:
    with sell(alice, gateway, network) as renewal:
        renewal.pass_to(FEBRUARY + HOUR)
        yield renewal


def give_back(clara: User, cents: int, kind: RefundKind = RefundKind.GOODWILL) -> Refund:
    row = refunds.request_refund(
        Payment.objects.get(), Money(cents, "USD"), kind=kind, reason="a slow network", actor=clara
    )
    process_task(refunds.KIND, row.pk)
    return row


def texts() -> list[str]:
    told = AccountMessage.objects.filter(occasion="period_refunded").order_by("pk")
    return [words_of(one, language="en").text for one in told]


def test_a_part_is_told_with_its_credit_note(renewed: Renewal, clara: User) -> None:
    row = give_back(clara, 500)
    process_task(refunds.KIND, row.pk)

    [text] = texts()
    assert (
        "We have refunded $5.00 for your plan Monthly 5, Feb. 28, 2025 to March 31, 2025.\n"
        "The money goes back to Visa ending in 4242. Your bank decides when it arrives.\n"
    ) in text
    assert "You keep your plan." in text
    assert f"Credit note: {CreditNote.objects.get()}" in text
    assert "Total: $5.00" in text


def test_each_part_is_told_and_the_whole_of_a_plan_that_ended(
    renewed: Renewal, clara: User
) -> None:
    give_back(clara, 500)
    give_back(clara, PRICE - 500, RefundKind.ENDED)

    first, second = texts()
    assert "$5.00" in first
    assert "$20.00" in second
    assert "You keep your plan." not in second


def test_a_refund_that_failed_is_not_told(
    alice: User, clara: User, gateway: str, network: str
) -> None:
    with sell(alice, gateway, network, number=NO_REFUND) as renewal:
        renewal.pass_to(FEBRUARY + HOUR)
        give_back(clara, 500)

    assert Refund.objects.get().state == "failed"
    assert texts() == []


def test_a_refund_on_the_operators_bill_has_no_credit_note(renewed: Renewal, clara: User) -> None:
    Receipt.objects.all().delete()
    PaymentMethod.objects.update(kind="bill", brand="", expiry_month=None, expiry_year=None)
    give_back(clara, 500)

    [text] = texts()
    assert "The money goes back to the bill for the number ending in 4242." in text
    assert "Credit note" not in text


def test_a_month_that_never_began_is_told_without_its_days(renewed: Renewal, clara: User) -> None:
    renewed.subscription.periods.filter(number=2).update(
        state="lapsed", starts_at=None, ends_at=None, usable_until=None, follows=None
    )
    give_back(clara, 500)

    [text] = texts()
    assert "We have refunded $5.00 for your plan Monthly 5.\n" in text
