"""A bill that some gateway charges off session: its number must not have changed hands."""

import time
from datetime import timedelta

import httpx
import pytest
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.domain import proofs
from accounts.models import NumberCheck, User
from accounts.states import ProofKind
from moportal.money import Money
from payments.domain import off_session, payments
from payments.domain.bills import add_bill
from payments.domain.off_session import Hindrance, NotChargeable
from payments.gateways.base import Ability, GatewayUnavailable
from payments.gateways.carrier_billing import CarrierBilling
from payments.models import Mandate, Payment
from payments.states import PaymentState
from tests.payments import bills
from tests.payments.conftest import agree
from tests.providers import break_it

PRICE = Money(1900, "USD")


@pytest.fixture
def mandate(
    alice: User, billing: str, operator_api: str, monkeypatch: pytest.MonkeyPatch
) -> Mandate:
    """Return Alice's consent to charges on her bill, by a gateway that takes them off session."""
    abilities = CarrierBilling.abilities | {Ability.OFF_SESSION}
    monkeypatch.setattr(CarrierBilling, "abilities", abilities)
    number = bills.new_number()
    proofs.record(alice, ProofKind.OIDC, number)
    method = add_bill(alice, number, market="US")
    assert method is not None
    return agree(method)


@pytest.fixture
def slow(alice: User, mandate: Mandate) -> Mandate:
    """Return her consent for another number, whose billing decides after two seconds."""
    number = bills.new_number(bills.SLOW)
    proofs.record(alice, ProofKind.OIDC, number)
    method = add_bill(alice, number, market="US")
    assert method is not None
    return agree(method, purpose="slow")


def request(mandate: Mandate) -> Payment:
    return off_session.request_charge(mandate, PRICE, reference="RENEWAL")


def authorise(payment: Payment) -> Payment:
    return off_session.authorise(payment, before_call=lambda: None)


def test_the_network_is_asked_before_the_charge(mandate: Mandate, billing: str) -> None:
    payment = authorise(request(mandate))

    assert payment.state == PaymentState.AUTHORISED
    assert set(NumberCheck.objects.values_list("number", "changed")) == {
        (mandate.method.token, False)
    }
    assert len(bills.bill(billing)) == 1


def test_nothing_is_charged_to_a_number_that_changed_hands(
    mandate: Mandate, billing: str, operator_api: str
) -> None:
    changed = {"phoneNumber": mandate.method.token, "simChangedAt": now().isoformat()}
    httpx.post(f"{operator_api}/numbers", json=changed, trust_env=False).raise_for_status()
    payment = request(mandate)

    with pytest.raises(NotChargeable) as refused:
        authorise(payment)

    assert refused.value.why == Hindrance.NUMBER_LOST
    payment.refresh_from_db()
    assert payment.state == PaymentState.VOIDED
    assert bills.bill(billing) == []


def test_without_an_answer_the_network_is_asked_again(
    mandate: Mandate, billing: str, operator_api: str
) -> None:
    payment = request(mandate)
    break_it(operator_api, "sim-swap", "http_500", times=9)
    break_it(operator_api, "number-recycling", "http_500", times=9)

    with pytest.raises(GatewayUnavailable):
        authorise(payment)

    payment.refresh_from_db()
    assert payment.state == PaymentState.INTENDED
    assert bills.bill(billing) == []


def test_a_number_that_is_no_longer_proven_is_not_charged(mandate: Mandate) -> None:
    mandate.method.account.proofs.update(ended_at=now() - timedelta(days=1))

    with pytest.raises(NotChargeable) as refused:
        request(mandate)

    assert refused.value.why == Hindrance.NUMBER_LOST


def test_a_network_that_cannot_say_whose_number_it_is_counts_as_no(
    mandate: Mandate, billing: str, settings: Settings
) -> None:
    payment = request(mandate)
    settings.SIM_SWAP_URL = settings.NUMBER_RECYCLING_URL = ""

    with pytest.raises(NotChargeable) as refused:
        authorise(payment)

    assert refused.value.why == Hindrance.NUMBER_LOST
    assert bills.bill(billing) == []


def test_a_billing_that_has_not_decided_yet_is_asked_again(slow: Mandate, billing: str) -> None:
    payment = request(slow)
    with pytest.raises(GatewayUnavailable, match="not decided"):
        authorise(payment)
    assert (payment.state, payment.gateway_id != "") == (PaymentState.INTENDED, True)

    time.sleep(2)
    assert authorise(payment).state == PaymentState.AUTHORISED
    assert len(bills.bill(billing, slow.method.token)) == 1


@pytest.mark.parametrize("answer", ["came", "was lost"])
def test_a_payment_that_is_not_decided_yet_is_voided_once_it_is(
    slow: Mandate, billing: str, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    """Even if the answer was lost, and the billing has forgotten the request's key since."""
    payment = request(slow)
    forgotten = answer == "was lost"
    if forgotten:
        break_it(billing, "prepare", "drop_after")
    with pytest.raises(GatewayUnavailable):
        authorise(payment)
    monkeypatch.setattr(payments, "_is_key_forgotten", lambda _payment: forgotten)

    def let_go() -> None:
        payments.void_or_refund(payment, reason="The plan ended.", before_call=lambda: None)

    with pytest.raises(GatewayUnavailable, match="not decided"):
        let_go()
    time.sleep(2)
    let_go()

    assert payment.state == PaymentState.VOIDED
    assert [row["status"] for row in bills.bill(billing, slow.method.token)] == ["cancelled"]
