"""`payments.domain.payments`: a repeated operation has its effect once."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from django.utils.timezone import now

from accounts.models import User
from moportal.money import Money
from payments.domain import payments as domain
from payments.domain import standing
from payments.gateways.base import CardRefused, GatewayRefused, GatewayUnavailable
from payments.gateways.simulator import SimulatorGateway
from payments.gateways.values import Authorised, CustomerStep, Declined, VoidedOrRefunded
from payments.models import GatewayCall, Payment, PaymentMethod
from payments.states import Initiator, PaymentState
from tests.payments.conftest import (
    CUSTOMER_STEP,
    REFUSED,
    authorise,
    capture,
    card,
    gateway_payments,
    make_payment,
)
from tests.providers import break_it


def void_or_refund(payment: Payment) -> Payment:
    return domain.void_or_refund(payment, reason="the order failed", before_call=lambda: None)


def test_a_card_is_kept_as_brand_last_four_and_expiry(alice: User, gateway: str) -> None:
    method = domain.add_card(alice, card())

    assert (method.brand, method.last4) == ("Visa", "4242")
    assert method.expiry == f"12/{(now().year + 4) % 100:02d}"
    assert method.token.startswith("tok_")


def test_a_card_belongs_to_its_owner_and_its_exchange_is_recorded(
    alice: User, gateway: str
) -> None:
    first, second = (domain.add_card(alice, card()) for _ in range(2))

    assert {first.account, second.account} == {alice}
    calls = GatewayCall.objects.all()
    assert [(call.operation, call.outcome, call.payment) for call in calls] == [
        ("tokenise", GatewayCall.Outcome.ANSWERED, None)
    ] * 2
    assert len({call.key for call in calls}) == 2


def test_a_card_the_gateway_refuses_names_the_field(alice: User, gateway: str) -> None:
    with pytest.raises(CardRefused) as refused:
        domain.add_card(alice, card("4242424242424241"))

    assert refused.value.field == "number"
    assert not PaymentMethod.objects.exists()
    assert GatewayCall.objects.get().outcome == GatewayCall.Outcome.REFUSED


def test_the_repr_of_a_card_hides_its_data() -> None:
    assert repr(card()) == "Card(…)"


def test_an_authorised_payment_moves_no_money_yet(alice: User, gateway: str) -> None:
    payment = authorise(make_payment(alice))

    assert payment.state == PaymentState.AUTHORISED
    assert gateway_payments(gateway) == [("authorised", 1900)]


def test_a_declined_payment_says_why(alice: User, gateway: str) -> None:
    payment = authorise(make_payment(alice, REFUSED))

    assert (payment.state, payment.decline_reason) == (PaymentState.DECLINED, "card_declined")
    assert payment.gateway_id


@pytest.mark.parametrize("fault", ["drop_after", "drop_before", "http_500", "html", "malformed"])
def test_an_authorisation_whose_answer_was_lost_is_asked_for_by_its_key(
    alice: User, gateway: str, fault: str
) -> None:
    payment = make_payment(alice)
    break_it(gateway, "authorise", fault)
    with pytest.raises(GatewayUnavailable):
        authorise(payment)

    authorise(payment)

    assert gateway_payments(gateway) == [("authorised", 1900)]


def test_a_refused_authorisation_declines_the_payment(alice: User, gateway: str) -> None:
    payment = make_payment(alice)
    PaymentMethod.objects.update(token="tok_of_nobody")
    payment.method.refresh_from_db()

    authorise(payment)

    assert payment.state == PaymentState.DECLINED
    assert "authorise: HTTP" in payment.decline_reason
    assert gateway_payments(gateway) == []


def test_every_call_is_a_row_before_the_lease_is_renewed(alice: User, gateway: str) -> None:
    """A worker that takes over after `before_call` must see the row."""
    payment = make_payment(alice, CUSTOMER_STEP)
    payment.return_url = "http://127.0.0.1/back"
    seen: list[tuple[str, str, str]] = []

    def record_last_call() -> None:
        call = payment.calls.latest("pk")
        seen.append((call.operation, call.key, call.outcome))

    for _ in range(2):
        domain.authorise(payment, before_call=record_last_call)
    httpx.post(payment.customer_step_url, data={"decision": "approve"}, trust_env=False)
    domain.authorise(payment, before_call=record_last_call)
    domain.capture(payment, before_call=record_last_call)
    domain.void_or_refund(payment, reason="x", before_call=record_last_call)

    key = str(payment.key)
    assert seen == [
        ("authorise", key, "unanswered"),
        ("fetch", key, "unanswered"),
        ("fetch", key, "unanswered"),
        ("capture", f"{key}:capture", "unanswered"),
        ("refund", str(payment.refunds.get().key), "unanswered"),
    ]
    assert set(payment.calls.values_list("outcome", "detail")) == {("answered", "")}
    assert not payment.calls.filter(answered_at=None).exists()


def test_the_lease_is_renewed_before_asking_about_a_refusal(alice: User, gateway: str) -> None:
    payment = authorise(make_payment(alice))
    act_elsewhere(gateway, payment, "capture")
    seen: list[str] = []

    domain.void_or_refund(
        payment, reason="x", before_call=lambda: seen.append(payment.calls.latest("pk").operation)
    )

    assert seen == ["void", "fetch", "refund"]


def test_a_worker_that_lost_the_lease_records_a_call_that_was_not_sent(
    alice: User, gateway: str
) -> None:
    payment = make_payment(alice)

    def lose_lease() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        domain.authorise(payment, before_call=lose_lease)

    assert payment.calls.get().outcome == GatewayCall.Outcome.NOT_SENT
    assert void_or_refund(payment).state == PaymentState.VOIDED
    assert payment.calls.count() == 1
    assert gateway_payments(gateway) == []


def test_an_unusable_answer_is_kept_with_the_call(alice: User, gateway: str) -> None:
    payment = make_payment(alice)
    break_it(gateway, "authorise", "http_500")

    with pytest.raises(GatewayUnavailable) as raised:
        authorise(payment)

    call = payment.calls.get()
    assert (call.outcome, call.detail) == (GatewayCall.Outcome.UNKNOWN, str(raised.value))


def test_a_move_that_another_worker_made_first_is_not_overwritten(
    alice: User, gateway: str
) -> None:
    payment = authorise(make_payment(alice))
    seen_before = Payment.objects.get(pk=payment.pk)
    other = authorise(make_payment(alice))
    void_or_refund(payment)

    standing.move_payment(seen_before, PaymentState.CAPTURED)

    assert seen_before.state == PaymentState.VOIDED
    other.refresh_from_db()
    assert other.state == PaymentState.AUTHORISED


def test_a_captured_payment_is_not_captured_again(alice: User, gateway: str) -> None:
    payment = capture(capture(authorise(make_payment(alice))))

    assert payment.calls.filter(operation="capture").count() == 1


@pytest.mark.parametrize("fault", ["drop_after", "http_500"])
def test_a_capture_whose_answer_was_lost_charges_once(
    alice: User, gateway: str, fault: str
) -> None:
    payment = authorise(make_payment(alice))
    break_it(gateway, "capture", fault)
    with pytest.raises(GatewayUnavailable):
        capture(payment)

    assert capture(payment).state == PaymentState.CAPTURED
    assert gateway_payments(gateway) == [("captured", 1900)]


def test_an_authorisation_in_doubt_is_asked_about_and_voided(alice: User, gateway: str) -> None:
    payment = make_payment(alice)
    break_it(gateway, "authorise", "drop_after")
    with pytest.raises(GatewayUnavailable):
        authorise(payment)

    assert void_or_refund(payment).state == PaymentState.VOIDED
    assert gateway_payments(gateway) == [("voided", 1900)]


def test_a_payment_that_was_never_sent_is_voided_without_a_call(alice: User, gateway: str) -> None:
    payment = void_or_refund(make_payment(alice))

    assert payment.state == PaymentState.VOIDED
    assert gateway_payments(gateway) == []


def test_a_captured_payment_is_refunded(alice: User, gateway: str) -> None:
    payment = void_or_refund(capture(authorise(make_payment(alice))))

    assert payment.state == PaymentState.REFUNDED
    assert gateway_payments(gateway) == [("refunded", 1900)]


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "http_500", "html", "malformed"])
@pytest.mark.parametrize("operation", ["void", "refund"])
def test_void_and_refund_are_repeated_until_they_are_answered(
    alice: User, gateway: str, operation: str, fault: str
) -> None:
    payment = authorise(make_payment(alice))
    if operation == "refund":
        capture(payment)
    break_it(gateway, operation, fault)
    with pytest.raises(GatewayUnavailable):
        void_or_refund(payment)

    void_or_refund(payment)

    assert void_or_refund(payment).state == f"{operation}ed"
    assert gateway_payments(gateway) == [(f"{operation}ed", 1900)]


def act_elsewhere(gateway: str, payment: Payment, action: str) -> None:
    """Change the payment without the portal, for example at the provider's own desk."""
    httpx.post(
        f"{gateway}/payments/{payment.gateway_id}/{action}",
        json={},
        headers={"Idempotency-Key": f"{action} elsewhere"},
        trust_env=False,
    ).raise_for_status()


def test_a_capture_that_we_do_not_know_of_is_refunded(alice: User, gateway: str) -> None:
    payment = authorise(make_payment(alice))
    act_elsewhere(gateway, payment, "capture")

    assert void_or_refund(payment).state == PaymentState.REFUNDED
    assert gateway_payments(gateway) == [("refunded", 1900)]


def test_a_capture_that_we_do_not_know_of_counts_as_the_capture(alice: User, gateway: str) -> None:
    payment = authorise(make_payment(alice))
    act_elsewhere(gateway, payment, "capture")

    assert capture(payment).state == PaymentState.CAPTURED


def test_a_refund_made_elsewhere_counts_as_the_refund(alice: User, gateway: str) -> None:
    payment = capture(authorise(make_payment(alice)))
    act_elsewhere(gateway, payment, "refund")

    assert void_or_refund(payment).state == PaymentState.REFUNDED


def test_an_authorisation_that_expired_counts_as_voided(alice: User, gateway: str) -> None:
    payment = authorise(make_payment(alice))
    act_elsewhere(gateway, payment, "void")

    assert void_or_refund(payment).state == PaymentState.VOIDED


def use_gateway(patched: pytest.MonkeyPatch, made: Callable[[], object]) -> None:
    """Let the domain use this gateway."""
    for module in (domain, standing):
        patched.setattr(module, "gateway", lambda _name: made())


class RefusingGateway:
    """A gateway that refuses to void."""

    remembers_keys_for = None

    def void(self, *_args: object, **_keywords: object) -> None:
        raise GatewayRefused("void: no")

    def fetch(self, gateway_id: str) -> Authorised:
        return Authorised(gateway_id)


def test_a_gateway_that_refuses_to_void_is_left_to_staff(
    alice: User, gateway: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = authorise(make_payment(alice))
    use_gateway(monkeypatch, RefusingGateway)

    with pytest.raises(GatewayRefused):
        void_or_refund(payment)

    assert payment.state == PaymentState.AUTHORISED
    assert GatewayCall.objects.filter(outcome=GatewayCall.Outcome.REFUSED).count() == 1


class RefundedGateway:
    """A gateway that has already refunded, and refuses a second refund."""

    remembers_keys_for = None

    def refund(self, *_args: object, **_keywords: object) -> None:
        raise GatewayRefused("refund: it was given back")

    def fetch(self, gateway_id: str) -> VoidedOrRefunded:
        return VoidedOrRefunded(gateway_id)


def test_a_captured_payment_that_the_gateway_no_longer_charges_was_refunded(
    alice: User, gateway: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = capture(authorise(make_payment(alice)))
    use_gateway(monkeypatch, RefundedGateway)

    assert void_or_refund(payment).state == PaymentState.REFUNDED
    refused = payment.calls.get(operation="refund")
    assert (refused.outcome, refused.detail) == ("refused", "refund: it was given back")


def test_a_long_refusal_is_cut_to_the_length_of_its_column(
    alice: User, gateway: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_args: object, **_keywords: object) -> None:
        raise GatewayRefused("x" * 200)

    payment = make_payment(alice)
    monkeypatch.setattr("payments.gateways.simulator.SimulatorGateway.authorise", refused)

    assert authorise(payment).decline_reason == "x" * 80


def test_a_process_that_ends_during_a_call_leaves_it_in_doubt(
    alice: User, gateway: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = make_payment(alice)

    def end_process(*_args: object, **_keywords: object) -> None:
        raise SystemExit

    monkeypatch.setattr("moportal.http_client.exchange", end_process)
    with pytest.raises(SystemExit):
        authorise(payment)
    monkeypatch.undo()

    assert payment.calls.get().outcome == GatewayCall.Outcome.UNANSWERED
    assert void_or_refund(payment).state == PaymentState.VOIDED
    assert gateway_payments(gateway) == [("voided", 1900)]


def test_a_capture_that_is_impossible_for_good_is_refused(alice: User, gateway: str) -> None:
    payment = authorise(make_payment(alice))
    httpx.post(
        f"{gateway}/payments/{payment.gateway_id}/void",
        json={},
        headers={"Idempotency-Key": "elsewhere"},
        trust_env=False,
    )

    with pytest.raises(GatewayRefused, match="the payment is voided at the gateway"):
        capture(payment)
    refused = payment.calls.get(operation="capture")
    assert (refused.outcome, bool(refused.detail)) == (GatewayCall.Outcome.REFUSED, True)


def test_a_call_to_an_unreachable_gateway_was_not_sent(alice: User, settings: Any) -> None:
    settings.PAYMENT_GATEWAY_URL = "http://127.0.0.1:9"

    with pytest.raises(GatewayUnavailable) as raised:
        domain.add_card(alice, card())

    assert not raised.value.was_sent
    assert GatewayCall.objects.get().outcome == GatewayCall.Outcome.NOT_SENT


class BankStep:
    """A gateway that sends the customer to the bank, and afterwards reports the result."""

    remembers_keys_for = None

    result: Authorised | Declined | CustomerStep = CustomerStep("pay_1", "https://bank.example/")

    def authorise(self, *_args: object, **_keywords: object) -> CustomerStep:
        return CustomerStep("pay_1", "https://bank.example/step")

    def fetch(self, _gateway_id: str) -> Authorised | Declined | CustomerStep:
        return self.result


def test_a_payment_waits_for_the_confirmation_at_the_bank(
    alice: User, gateway: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = make_payment(alice)
    bank = BankStep()
    use_gateway(monkeypatch, lambda: bank)

    authorise(payment)
    assert (payment.state, payment.customer_step_url) == (
        PaymentState.PENDING,
        "https://bank.example/step",
    )
    bank.result = Authorised("pay_1")

    assert authorise(payment).state == PaymentState.AUTHORISED


def test_an_unknown_token_is_refused(gateway: str) -> None:
    with pytest.raises(GatewayRefused):
        SimulatorGateway().authorise(
            "tok_unknown",
            Money(100, "USD"),
            reference="R",
            return_url="",
            initiator=Initiator.CUSTOMER,
            key="k1",
        )
