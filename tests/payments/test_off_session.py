"""`payments.domain.off_session`: charges that the operator starts while the customer is away."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils.timezone import now

from accounts.models import User
from moportal.money import Money
from payments.domain import cards, mandates, methods, off_session
from payments.domain import payments as domain
from payments.domain.off_session import Hindrance, NotChargeable
from payments.gateways.base import GatewayUnavailable
from payments.gateways.simulator import SimulatorGateway
from payments.gateways.values import Standing
from payments.models import GatewayCall, Mandate, Payment, PaymentMethod
from payments.states import Initiator, MandateEnd, PaymentState, RefusalKind
from tests.payments.conftest import agree, card, gateway_payments, make_payment, refuse
from tests.payments.conftest import authorise as authorise_by_hand
from tests.providers import break_it
from tests.races import at_once

PRICE = Money(1900, "USD")
NO_MONEY, WANTS_THE_CUSTOMER = "4000000000000341", "4000002500003155"
STOLEN, LATER = "4000000000007312", "4000000000007320"


def agreed(alice: User, number: str = "4242424242424242", **more: Any) -> Mandate:
    return agree(domain.add_card(alice, card(number)), **more)


def request(mandate: Mandate, amount: Money = PRICE) -> Payment:
    return off_session.request_charge(mandate, amount, reference="RENEWAL")


def authorise(payment: Payment) -> Payment:
    return off_session.authorise(payment, before_call=lambda: None)


def capture(payment: Payment) -> Payment:
    return off_session.capture(payment, before_call=lambda: None)


def hindrance(mandate: Mandate, amount: Money = PRICE) -> Hindrance:
    """Return why a charge is refused, and make sure that nothing was stored or sent."""
    before = (Payment.objects.count(), GatewayCall.objects.count())
    with pytest.raises(NotChargeable) as refused:
        request(mandate, amount)
    assert (Payment.objects.count(), GatewayCall.objects.count()) == before
    return refused.value.why


def test_the_operator_charges_in_two_steps(alice: User, gateway: str) -> None:
    payment = request(agreed(alice))
    assert (payment.initiator, payment.method.account) == (Initiator.OPERATOR, alice)

    authorise(authorise(payment))
    assert gateway_payments(gateway) == [("authorised", 1900)]

    capture(capture(payment))
    assert gateway_payments(gateway) == [("captured", 1900)]


def test_a_charge_without_the_customer_does_not_show_that_the_bank_never_wants_them(
    alice: User, gateway: str
) -> None:
    capture(authorise(request(agreed(alice))))
    assert methods.methods_without_step(alice, market="US") == []

    method = PaymentMethod.objects.get()
    by_hand = make_payment(alice)
    Payment.objects.filter(pk=by_hand.pk).update(
        method=method, state=PaymentState.CAPTURED, captured_at=now(), gateway_id="x"
    )

    assert methods.methods_without_step(alice, market="US") == [method]


def test_a_lost_answer_is_recovered_without_a_second_payment(alice: User, gateway: str) -> None:
    payment = request(agreed(alice))
    break_it(gateway, "authorise", "drop_after")
    with pytest.raises(GatewayUnavailable):
        authorise(payment)

    authorise(payment)

    assert gateway_payments(gateway) == [("authorised", 1900)]


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (NO_MONEY, RefusalKind.LATER),
        (LATER, RefusalKind.LATER),
        (WANTS_THE_CUSTOMER, RefusalKind.CUSTOMER),
        (STOLEN, RefusalKind.FINAL),
    ],
)
def test_a_refusal_is_stored_with_its_kind(
    alice: User, gateway: str, number: str, kind: RefusalKind
) -> None:
    payment = authorise(request(agreed(alice, number)))

    assert (payment.state, payment.refusal_kind) == (PaymentState.DECLINED, kind)
    assert (payment.retry_at is not None) == (number == LATER)


def test_after_a_refusal_for_now_the_next_try_is_allowed(alice: User, gateway: str) -> None:
    mandate = agreed(alice, NO_MONEY)
    authorise(request(mandate))

    assert authorise(request(mandate)).decline_reason == "insufficient_funds"


def test_the_gateways_advice_to_wait_is_kept(alice: User, gateway: str) -> None:
    mandate = agreed(alice, LATER)
    refused = authorise(request(mandate))
    assert refused.retry_at is not None
    assert timedelta(days=2) < refused.retry_at - now() < timedelta(days=3)

    with pytest.raises(NotChargeable) as early:
        request(mandate)

    assert (early.value.why, early.value.until) == (Hindrance.NOT_YET, refused.retry_at)
    Payment.objects.update(retry_at=now())
    assert authorise(request(mandate)).state == PaymentState.DECLINED


def test_a_refusal_that_needs_the_customer_is_not_repeated_before_the_customer_has_paid(
    alice: User, gateway: str
) -> None:
    mandate = agreed(alice, WANTS_THE_CUSTOMER)
    authorise(request(mandate))
    assert off_session.needs_customer(mandate)
    assert hindrance(mandate) == Hindrance.NEEDS_CUSTOMER

    by_hand = Payment.objects.create(
        method=mandate.method, reference="BY HAND", minor_units=1900, currency="USD"
    )
    assert hindrance(mandate) == Hindrance.NEEDS_CUSTOMER
    authorise_by_hand(by_hand)

    assert not off_session.needs_customer(mandate)
    assert request(mandate).state == PaymentState.INTENDED


def test_after_a_refusal_for_good_nothing_is_sent_for_any_plan(alice: User, gateway: str) -> None:
    first = agreed(alice, STOLEN)
    second = agree(first.method, "plan 2")
    waiting = request(second)

    authorise(request(first))

    assert hindrance(second) == Hindrance.STOPPED
    with pytest.raises(NotChargeable):
        authorise(waiting)
    assert waiting.state == PaymentState.VOIDED
    assert len(gateway_payments(gateway)) == 1
    assert methods.usable_methods(alice, market="US") == []


def end(mandate: Mandate) -> None:
    mandates.end(mandate, reason=MandateEnd.WITHDRAWN)


def remove(mandate: Mandate) -> None:
    cards.remove(mandate.method)


def stop(mandate: Mandate) -> None:
    methods.stop(mandate.method, reason="stolen_card")


def expire(mandate: Mandate) -> None:
    PaymentMethod.objects.filter(pk=mandate.method_id).update(expiry_year=2020)


def lose_token(mandate: Mandate) -> None:
    PaymentMethod.objects.filter(pk=mandate.method_id).update(token="")


def refuse_often(mandate: Mandate) -> None:
    refuse(mandate.method, 7, days_ago=13)
    refuse(mandate.method, 1)


def advise(mandate: Mandate) -> None:
    refuse(mandate.method, retry_at=now() + timedelta(hours=1))


def want_the_customer(mandate: Mandate) -> None:
    refusal: dict[str, Any] = {"refusal_kind": RefusalKind.CUSTOMER}
    refuse(mandate.method, mandate=mandate, initiator=Initiator.OPERATOR, **refusal)


HINDRANCES = [
    (end, Hindrance.MANDATE_ENDED),
    (remove, Hindrance.REMOVED),
    (stop, Hindrance.STOPPED),
    (expire, Hindrance.EXPIRED),
    (lose_token, Hindrance.NOT_KEPT),
    (refuse_often, Hindrance.TOO_MANY_REFUSALS),
    (advise, Hindrance.NOT_YET),
    (want_the_customer, Hindrance.NEEDS_CUSTOMER),
]


@pytest.mark.parametrize(("hinder", "why"), HINDRANCES)
def test_a_hindered_charge_is_not_asked_for(
    alice: User, gateway: str, hinder: Any, why: Hindrance
) -> None:
    mandate = agreed(alice)
    hinder(mandate)

    assert hindrance(mandate) == why


@pytest.mark.parametrize(("hinder", "why"), HINDRANCES)
def test_what_hinders_a_charge_before_it_is_sent_voids_it(
    alice: User, gateway: str, hinder: Any, why: Hindrance
) -> None:
    mandate = agreed(alice)
    payment = request(mandate)
    hinder(mandate)

    with pytest.raises(NotChargeable, match=why):
        authorise(payment)

    assert (payment.state, gateway_payments(gateway)) == (PaymentState.VOIDED, [])


def test_a_gateway_that_needs_the_customer_is_not_asked(
    alice: User, gateway: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mandate = agreed(alice)
    monkeypatch.setattr(SimulatorGateway, "abilities", frozenset())

    assert hindrance(mandate) == Hindrance.NOT_OFFERED


@pytest.mark.parametrize("amount", [Money(1901, "USD"), Money(1, "EUR")])
def test_no_charge_exceeds_what_was_agreed(alice: User, gateway: str, amount: Money) -> None:
    mandate = agreed(alice, limit=PRICE)

    assert hindrance(mandate, amount) == Hindrance.BEYOND_LIMIT
    assert authorise(request(mandate)).state == PaymentState.AUTHORISED


def test_a_mandate_that_ends_before_the_capture_leaves_nothing_authorised(
    alice: User, gateway: str
) -> None:
    mandate = agreed(alice)
    payment = authorise(request(mandate))
    end(mandate)

    with pytest.raises(NotChargeable, match=Hindrance.MANDATE_ENDED):
        capture(payment)

    assert gateway_payments(gateway) == [("voided", 1900)]


def test_a_capture_that_was_sent_goes_on_after_the_mandate_has_ended(
    alice: User, gateway: str
) -> None:
    mandate = agreed(alice)
    payment = authorise(request(mandate))
    break_it(gateway, "capture", "drop_after")
    with pytest.raises(GatewayUnavailable):
        capture(payment)
    end(mandate)

    capture(payment)

    assert gateway_payments(gateway) == [("captured", 1900)]


def test_a_mandate_that_ends_while_the_gateway_is_asked_leaves_nothing_authorised(
    alice: User, gateway: str
) -> None:
    mandate = agreed(alice)
    payment = request(mandate)

    with pytest.raises(NotChargeable, match=Hindrance.MANDATE_ENDED):
        off_session.authorise(payment, before_call=lambda: end(mandate))

    assert gateway_payments(gateway) == [("voided", 1900)]


def test_a_gateway_that_wants_the_absent_customer_counts_as_a_refusal(
    alice: User, gateway: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = SimulatorGateway.authorise

    def ask_the_customer(adapter: SimulatorGateway, *given: Any, **more: Any) -> Standing:
        return real(adapter, *given, **{**more, "initiator": Initiator.CUSTOMER})

    monkeypatch.setattr(SimulatorGateway, "authorise", ask_the_customer)
    payment = request(agreed(alice, "4000002760003184"))
    payment.return_url = "http://127.0.0.1/"

    authorise(payment)

    assert (payment.state, payment.refusal_kind) == (PaymentState.DECLINED, RefusalKind.CUSTOMER)
    assert gateway_payments(gateway) == [("voided", 1900)]


def test_tries_by_hand_and_by_the_operator_are_counted_together(alice: User, gateway: str) -> None:
    mandate = agreed(alice, NO_MONEY)
    refuse(mandate.method, 6)

    authorise(request(mandate))
    by_hand = make_payment(alice)
    Payment.objects.filter(pk=by_hand.pk).update(method=mandate.method)

    assert hindrance(mandate) == Hindrance.TOO_MANY_REFUSALS


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_guarded", [True, False], ids=["guarded", "unguarded"])
def test_charges_at_once_never_exceed_the_tries_of_their_method(
    alice: User, gateway: str, monkeypatch: pytest.MonkeyPatch, *, is_guarded: bool
) -> None:
    method = domain.add_card(alice, card())
    refuse(method, 7)
    plans = [agree(method, "plan 1"), agree(method, "plan 2")]
    count = methods.has_tries_left

    def count_slowly(*given: Any, **more: Any) -> bool:
        is_left = count(*given, **more)
        time.sleep(0.2)
        return is_left

    monkeypatch.setattr(methods, "has_tries_left", count_slowly)
    if not is_guarded:
        monkeypatch.setattr(methods, "lock", lambda method: method)

    asked = at_once(lambda: request(plans.pop()), 2)

    allowed = [one for one in asked if isinstance(one, Payment)]
    refused = [one for one in asked if isinstance(one, NotChargeable)]
    assert (len(allowed), len(refused)) == ((1, 1) if is_guarded else (2, 0))
