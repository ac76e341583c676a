"""The check that `make chaos-payments` ends with finds every difference that is planted."""

from dataclasses import replace

import pytest

from tests.chaos.payments.books import AtGateway, AtPortal, Books, Refund
from tests.chaos.payments.check import find_differences, totals

PART = Refund("refund-1", 500, "done", has_note=True)
BOUGHT = AtPortal(
    key="key-1",
    reference="ORDER1",
    gateway_id="pay_1",
    state="captured",
    amount=1900,
    currency="USD",
    refunded=500,
    lost=0,
    order="completed",
    has_receipt=True,
    refunds=(PART,),
)
CHARGED = AtGateway("pay_1", "key-1", "ORDER1", 1900, "USD", "charged", (PART,))
CANCELLED = AtPortal(
    *("key-2", "ORDER2", "pay_2", "voided", 700, "JPY", 0, 0, "cancelled"), has_receipt=False
)
VOIDED = AtGateway("pay_2", "key-2", "ORDER2", 700, "JPY", "gone")
GOOD = Books([BOUGHT, CANCELLED], [CHARGED, VOIDED])


def of_gateway(*payments: AtGateway) -> Books:
    return replace(GOOD, gateway=list(payments))


def of_portal(*payments: AtPortal) -> Books:
    return replace(GOOD, portal=list(payments))


FAILED = replace(BOUGHT, order="failed", has_receipt=False)
PLANTED: dict[str, tuple[Books, str]] = {
    "a second charge for one order": (
        of_gateway(CHARGED, VOIDED, replace(CHARGED, gateway_id="pay_3", key="key-3")),
        "ORDER1: 2 charges under one reference",
    ),
    "a second charge under one key": (
        of_gateway(CHARGED, VOIDED, replace(CHARGED, gateway_id="pay_3", reference="ORDER3")),
        "key-1: 2 charges under one key",
    ),
    "a second charge that was given back": (
        of_gateway(
            *(CHARGED, VOIDED),
            replace(CHARGED, gateway_id="pay_3", refunds=(replace(PART, amount=1900),)),
        ),
        "ORDER1: 2 charges under one reference",
    ),
    "a charge without an order": (
        of_gateway(
            *(CHARGED, VOIDED), AtGateway("pay_9", "key-9", "NOBODY", 100, "USD", "charged")
        ),
        "NOBODY (pay_9): charged, and the portal knows no such payment",
    ),
    "a charge of a payment that is void here": (
        of_gateway(CHARGED, replace(VOIDED, state="charged")),
        "ORDER2 (pay_2): charged at the gateway, voided in the portal",
    ),
    "a charge that the gateway does not have": (
        of_gateway(VOIDED),
        "ORDER1: charged in the portal, and the gateway knows no such payment",
    ),
    "an authorisation that nobody let go": (
        of_gateway(CHARGED, replace(VOIDED, state="open")),
        "ORDER2 (pay_2): still open at the gateway",
    ),
    "one minor unit more": (
        of_gateway(replace(CHARGED, amount=1901), VOIDED),
        "ORDER1 (pay_1): 1901 USD, not 1900 USD",
    ),
    "another currency": (
        of_gateway(replace(CHARGED, currency="KWD"), VOIDED),
        "ORDER1 (pay_1): 1900 KWD, not 1900 USD",
    ),
    "another order's reference": (
        of_gateway(replace(CHARGED, reference="ORDER5"), VOIDED),
        "ORDER5 (pay_1): another key or reference than the portal's ORDER1",
    ),
    "a refund that was lost": (
        of_gateway(replace(CHARGED, refunds=()), VOIDED),
        "ORDER1 (pay_1): refund refund-1 of 500, 1 more in the portal",
    ),
    "a refund that was made twice": (
        of_gateway(replace(CHARGED, refunds=(PART, PART)), VOIDED),
        "ORDER1 (pay_1): refund refund-1 of 500, 1 more at the gateway",
    ),
    "a refund of another amount": (
        of_gateway(replace(CHARGED, refunds=(replace(PART, amount=499),)), VOIDED),
        "ORDER1 (pay_1): 499 refunded and 0 lost at the gateway, 500 and 0 in the portal",
    ),
    "a refund beyond the charge": (
        of_gateway(replace(CHARGED, refunds=(replace(PART, amount=2000),)), VOIDED),
        "ORDER1 (pay_1): 2000 given back of 1900, 0 lost",
    ),
    "a refund and a lost dispute beyond the charge": (
        of_gateway(replace(CHARGED, lost=1900), VOIDED),
        "ORDER1 (pay_1): 500 given back of 1900, 1900 lost",
    ),
    "a refund of what was never charged": (
        of_gateway(CHARGED, replace(VOIDED, refunds=(PART,))),
        "ORDER2 (pay_2): given back without a charge",
    ),
    "a refund without a credit note": (
        of_portal(replace(BOUGHT, refunds=(replace(PART, has_note=False),)), CANCELLED),
        "ORDER1: a refund without a credit note",
    ),
    "a refund that never ended": (
        of_portal(
            replace(BOUGHT, refunds=(PART, Refund("refund-2", 1, "asked"))),
            CANCELLED,
        ),
        "ORDER1: an open refund",
    ),
    "a failed order that keeps the money": (
        of_portal(FAILED, CANCELLED),
        "ORDER1: failed, and 1400 kept",
    ),
    "a completed order without a charge": (
        of_portal(BOUGHT, replace(CANCELLED, order="completed", has_receipt=True)),
        "ORDER2: completed, and voided",
    ),
    "a charge without a receipt": (
        of_portal(replace(BOUGHT, has_receipt=False), CANCELLED),
        "ORDER1: completed, without a receipt",
    ),
    "a receipt of ours for what is on the operator's bill": (
        of_portal(replace(BOUGHT, is_on_bill=True), CANCELLED),
        "ORDER1: completed, with a receipt",
    ),
    "an order that never ended": (
        of_portal(BOUGHT, replace(CANCELLED, order="held")),
        "ORDER2: the order is held",
    ),
    "a payment that never ended": (
        of_portal(BOUGHT, replace(CANCELLED, state="pending")),
        "ORDER2: the payment is still pending",
    ),
    "a number that is missing": (
        replace(GOOD, gaps=("receipts of 2026 have a gap",)),
        "receipts of 2026 have a gap",
    ),
}


def test_books_that_agree_have_no_difference() -> None:
    assert find_differences(GOOD) == []
    assert totals(GOOD) == {
        "USD": {"charged": (1900, 1900), "refunded": (500, 500), "lost": (0, 0)}
    }


@pytest.mark.parametrize("planted", list(PLANTED))
def test_a_planted_difference_is_found(planted: str) -> None:
    books, sentence = PLANTED[planted]

    assert sentence in find_differences(books)


def test_sums_that_differ_are_named() -> None:
    books = of_gateway(replace(CHARGED, refunds=()), VOIDED)

    assert "USD refunded: 500 in the portal, 0 at the gateway" in find_differences(books)


def test_what_a_dispute_has_taken_agrees_on_both_sides() -> None:
    ours, theirs = replace(BOUGHT, lost=300), replace(CHARGED, lost=300)

    assert find_differences(Books([ours, CANCELLED], [theirs, VOIDED])) == []
