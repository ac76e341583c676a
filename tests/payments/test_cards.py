"""`payments.domain.cards`: a removed card is gone at once, and later at the gateway too."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils.timezone import now

from accounts.models import User
from moportal.money import Money
from outbox.domain import RetryAfter
from outbox.models import Task
from payments.domain import cards
from payments.domain import payments as domain
from payments.gateways.base import GatewayRefused
from payments.gateways.simulator import SimulatorGateway
from payments.models import GatewayCall, Payment, PaymentMethod
from payments.states import Initiator, PaymentState
from tests.payments.conftest import card
from tests.processing import process_task
from tests.providers import books, break_it


@pytest.fixture
def method(alice: User, gateway: str) -> PaymentMethod:
    """Return Alice's card, which the gateway knows."""
    return domain.add_card(alice, card())


def forget(method: PaymentMethod) -> RetryAfter | None:
    again = process_task(cards.KIND, method.pk)
    method.refresh_from_db()
    return again


def make_payment(method: PaymentMethod) -> Payment:
    return Payment.objects.create(
        method=method, reference="ORDER", minor_units=1900, currency="USD"
    )


def test_a_removed_card_is_gone_before_the_gateway_is_called(
    method: PaymentMethod, gateway: str
) -> None:
    cards.remove(method)

    method.refresh_from_db()
    assert method.removed_at is not None
    assert books(gateway)["tokens"] == 1
    assert not GatewayCall.objects.filter(operation="forget").exists()


def test_a_worker_removes_the_card_at_the_gateway(method: PaymentMethod, gateway: str) -> None:
    token = method.token
    cards.remove(method)

    assert forget(method) is None

    assert (method.forgotten_at is not None, method.token) == (True, "")
    assert books(gateway)["tokens"] == 0
    with pytest.raises(GatewayRefused):
        SimulatorGateway().authorise(
            token,
            Money(100, "USD"),
            reference="R",
            return_url="",
            initiator=Initiator.CUSTOMER,
            key="k",
        )


def test_removing_a_card_twice_removes_it_once(method: PaymentMethod) -> None:
    cards.remove(method)
    cards.remove(method)
    forget(method)
    cards.remove(method)

    assert forget(method) is None
    assert Task.objects.filter(kind=cards.KIND).count() == 1
    assert GatewayCall.objects.filter(operation="forget").count() == 1


@pytest.mark.parametrize("fault", ["drop_after", "drop_before", "http_500", "html", "malformed"])
def test_an_answer_that_was_lost_is_asked_for_again(
    method: PaymentMethod, gateway: str, fault: str
) -> None:
    cards.remove(method)
    break_it(gateway, "forget", fault)

    answer = forget(method)
    assert answer is not None
    assert answer.delay < timedelta(seconds=1)
    assert (method.tries, method.last_error[:18]) == (1, "GatewayUnavailable")
    assert forget(method) is None

    assert (method.forgotten_at is None, method.last_error) == (False, "")
    assert books(gateway)["tokens"] == 0


def test_a_card_that_the_gateway_no_longer_has_counts_as_removed(
    method: PaymentMethod, gateway: str
) -> None:
    SimulatorGateway().forget(method.token, key="elsewhere")
    cards.remove(method)

    forget(method)

    assert method.forgotten_at is not None


@pytest.mark.parametrize(
    "state", [PaymentState.INTENDED, PaymentState.PENDING, PaymentState.AUTHORISED]
)
def test_a_card_is_not_removed_at_the_gateway_while_a_payment_needs_it(
    method: PaymentMethod, state: PaymentState
) -> None:
    payment = make_payment(method)
    Payment.objects.update(state=state, gateway_id="pay_1")
    cards.remove(method)

    assert cards.is_needed(method)
    assert forget(method) == RetryAfter(cards.PAYMENT_INTERVAL)
    assert method.forgotten_at is None
    Payment.objects.filter(pk=payment.pk).update(state=PaymentState.VOIDED)

    assert forget(method) is None
    assert method.forgotten_at is not None


def test_a_charge_can_be_refunded_after_the_card_is_removed(
    method: PaymentMethod, gateway: str
) -> None:
    payment = make_payment(method)
    for step in (domain.authorise, domain.capture):
        step(payment, before_call=lambda: None)
    cards.remove(method)
    forget(method)

    domain.void_or_refund(payment, reason="x", before_call=lambda: None)

    assert payment.state == PaymentState.REFUNDED


def test_a_card_that_the_gateway_refuses_to_remove_is_kept_for_staff(
    method: PaymentMethod, monkeypatch: pytest.MonkeyPatch
) -> None:
    class RefusingGateway(SimulatorGateway):
        def forget(self, _token: str, *, key: str) -> None:
            raise GatewayRefused("forget: no")

    cards.remove(method)
    monkeypatch.setattr(cards, "gateway", lambda _name: RefusingGateway())

    assert forget(method) is None
    Task.objects.update(closed_at=now(), lease_until=None)
    assert (method.forgotten_at, method.token[:4]) == (None, "tok_")
    assert method.last_error == "forget: no"
    assert list(cards.stuck_removals()) == [method]
    call = GatewayCall.objects.get(operation="forget")
    assert call.outcome == GatewayCall.Outcome.REFUSED


@pytest.fixture
def stuck(method: PaymentMethod) -> PaymentMethod:
    """Return a removed card that the gateway has refused to forget."""
    cards.remove(method)
    Task.objects.update(closed_at=now())
    PaymentMethod.objects.update(last_error="forget: no")
    return method


def test_a_card_whose_removal_is_still_tried_needs_staff_after_an_hour(
    method: PaymentMethod, gateway: str
) -> None:
    cards.remove(method)
    break_it(gateway, "forget", "http_500", times=1000)
    for _ in range(cards.TRIES_BEFORE_STAFF):
        forget(method)
    assert not cards.stuck_removals().exists()

    forget(method)

    assert list(cards.stuck_removals()) == [method]


def test_staff_find_the_card_and_have_the_gateway_asked_again(
    stuck: PaymentMethod, gateway: str, clara: User, client: Client
) -> None:
    client.force_login(clara)
    page = client.get("/admin/payments/paymentmethod/?staff=1")
    assert "forget: no" in page.text
    token = stuck.token
    assert token not in client.get(f"/admin/payments/paymentmethod/{stuck.pk}/change/").text

    action = {"action": "retry_removal", "_selected_action": [stuck.pk]}
    client.post("/admin/payments/paymentmethod/", action)
    assert not cards.stuck_removals().exists()
    assert forget(stuck) is None

    assert stuck.forgotten_at is not None
    assert books(gateway)["tokens"] == 0

    asked = list(Task.objects.values_list("enqueue_count"))
    client.post("/admin/payments/paymentmethod/", action)
    assert list(Task.objects.values_list("enqueue_count")) == asked


def test_staff_say_that_they_have_removed_the_card_at_the_gateway(
    stuck: PaymentMethod, bob: User, clara: User, client: Client
) -> None:
    used = domain.add_card(bob, card())
    client.force_login(clara)

    action = {"action": "mark_removed", "_selected_action": [stuck.pk, used.pk]}
    client.post("/admin/payments/paymentmethod/", action)

    stuck.refresh_from_db()
    used.refresh_from_db()
    assert (stuck.forgotten_at is not None, stuck.token, stuck.last_error) == (True, "", "")
    assert (used.forgotten_at, used.token[:4]) == (None, "tok_")
