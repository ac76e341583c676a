"""`payments.domain.mandates`: what a customer agrees to, and how it ends."""

from collections.abc import Iterator

import pytest

from accounts.models import User
from moportal.money import Money
from payments.domain import cards, mandates, methods
from payments.domain import payments as domain
from payments.gateways.base import NotOffered
from payments.models import Mandate, PaymentMethod
from payments.signals import mandate_ended
from payments.states import MandateEnd, MethodKind
from tests.payments.conftest import agree, authorise, card, make_payment

STOLEN = "4000000000009979"


@pytest.fixture
def method(alice: User, gateway: str) -> PaymentMethod:
    return domain.add_card(alice, card())


@pytest.fixture
def announced() -> Iterator[list[Mandate]]:
    """Collect the mandates whose end is announced."""
    heard: list[Mandate] = []

    def hear(mandate: Mandate, **_signal: object) -> None:
        heard.append(mandate)

    mandate_ended.connect(hear)
    yield heard
    mandate_ended.disconnect(hear)


def test_a_mandate_keeps_what_was_agreed(alice: User, method: PaymentMethod) -> None:
    limit = Money(2500, "USD")

    mandate = agree(method, language="de", transaction_id="T-1", limit=limit)

    mandate.refresh_from_db()
    assert (mandate.account, mandate.purpose, mandate.language) == (alice, "plan 1", "de")
    assert (mandate.text, mandate.transaction_id) == ("Charge my card each month.", "T-1")
    assert (mandate.limit, mandate.ended_at) == (limit, None)
    assert list(mandates.live_mandates(alice)) == [mandate]


def test_the_payment_page_is_no_card_that_can_be_charged(
    alice: User, method: PaymentMethod
) -> None:
    no_card = {"token": "", "brand": "", "last4": "", "expiry_month": None, "expiry_year": None}
    PaymentMethod.objects.update(kind=MethodKind.PAGE, **no_card)

    with pytest.raises(mandates.MethodGone):
        agree(method)


def test_agreeing_twice_is_one_mandate(method: PaymentMethod) -> None:
    assert agree(method) == agree(method)


def test_another_text_or_limit_replaces_the_mandate(
    method: PaymentMethod, announced: list[Mandate]
) -> None:
    first = agree(method)
    second = agree(method, text="Charge my card each week.")
    third = agree(method, text="Charge my card each week.", limit=Money(1900, "USD"))

    assert list(method.mandates.filter(ended_at=None)) == [third]
    assert announced == [first, second]
    assert {mandate.end_reason for mandate in announced} == {MandateEnd.REPLACED}


def test_each_purpose_has_a_mandate_of_its_own(method: PaymentMethod) -> None:
    first, second = agree(method, "plan 1"), agree(method, "plan 2")

    mandates.end(first, reason=MandateEnd.OVER)

    assert list(method.mandates.filter(ended_at=None)) == [second]


def test_a_mandate_ends_once(method: PaymentMethod, announced: list[Mandate]) -> None:
    mandate = agree(method)

    mandates.end(mandate, reason=MandateEnd.WITHDRAWN)
    mandates.end(mandate, reason=MandateEnd.FRAUD)

    mandate.refresh_from_db()
    assert (mandate.end_reason, announced) == (MandateEnd.WITHDRAWN, [mandate])


def test_fraud_ends_all_mandates_of_the_method_and_of_no_other(
    alice: User, method: PaymentMethod
) -> None:
    other = agree(domain.add_card(alice, card()))
    for purpose in ("plan 1", "plan 2"):
        agree(method, purpose)

    mandates.end_all(method, reason=MandateEnd.FRAUD)

    assert [one.end_reason for one in method.mandates.all()] == [MandateEnd.FRAUD] * 2
    assert list(mandates.live_mandates(alice)) == [other]


def test_removing_a_method_ends_its_mandates(
    method: PaymentMethod, announced: list[Mandate]
) -> None:
    mandate = agree(method)

    cards.remove(method)

    assert announced == [mandate]
    assert announced[0].end_reason == MandateEnd.METHOD_REMOVED


def test_a_refusal_for_good_stops_the_method_and_ends_its_mandates(
    alice: User, gateway: str, announced: list[Mandate]
) -> None:
    payment = make_payment(alice, STOLEN)
    agreed = [agree(payment.method, purpose) for purpose in ("plan 1", "plan 2")]

    authorise(payment)

    payment.method.refresh_from_db()
    assert payment.method.stopped_at is not None
    assert sorted(one.pk for one in announced) == [one.pk for one in agreed]
    assert {one.end_reason for one in announced} == {MandateEnd.METHOD_STOPPED}


def test_nothing_is_agreed_for_a_method_that_is_gone(alice: User, method: PaymentMethod) -> None:
    stopped, used_once = (domain.add_card(alice, card()) for _ in range(2))
    methods.stop(stopped, reason="stolen_card")
    PaymentMethod.objects.filter(pk=used_once.pk).update(is_kept=False)
    cards.remove(method)

    for gone in (method, stopped, used_once):
        with pytest.raises(mandates.MethodGone):
            agree(gone)


def test_nothing_is_agreed_where_the_gateway_needs_the_customer(alice: User, gateway: str) -> None:
    voucher = PaymentMethod.objects.create(
        account=alice, gateway="vouchers", kind=MethodKind.VOUCHER, token="CODE", last4="CODE"
    )

    with pytest.raises(NotOffered, match="off_session"):
        agree(voucher)
