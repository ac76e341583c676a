"""Several gateways at once: whatever belongs to one is done at that one, and nowhere else."""

import json
from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import User
from outbox.domain import RetryAfter
from payments.domain import cards, pages
from payments.domain import payments as domain
from payments.gateways.base import GatewayUnavailable
from payments.models import GatewayCall, Payment, WebhookEvent
from payments.states import PaymentState
from simulators.payment.server import SIGNATURE_HEADER, signed
from tests.payments.conftest import (
    authorise,
    capture,
    gateway_payments,
    make_payment,
    opened_page,
    type_card,
)
from tests.payments.other_gateway import OTHER, SIMULATOR
from tests.processing import process_task
from tests.providers import books
from tests.stack import running_simulator

SECRET = "the gateways' and ours"
pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def other_simulator() -> Iterator[str]:
    with running_simulator("payment") as url:
        yield url


@pytest.fixture
def other(gateway: str, other_simulator: str, settings: Settings) -> str:
    """Return the address of a second gateway, which takes the new payments."""
    settings.OTHER_GATEWAY_URL = other_simulator
    settings.PAYMENT_GATEWAY = [OTHER, SIMULATOR]
    settings.PAYMENT_WEBHOOK_SECRET = SECRET
    return other_simulator


@pytest.fixture
def payment(alice: User, gateway: str) -> Payment:
    """Return a payment of the only gateway, before there was another one."""
    return authorise(make_payment(alice))


def refund(payment: Payment) -> Payment:
    return domain.void_or_refund(payment, reason="test", before_call=lambda: None)


def test_an_older_payment_is_captured_and_refunded_where_it_was_made(
    payment: Payment, gateway: str, other: str
) -> None:
    refund(capture(payment))

    assert payment.state == PaymentState.REFUNDED
    assert gateway_payments(gateway) == [("refunded", 1900)]
    assert gateway_payments(other) == []


def test_a_new_card_belongs_to_the_first_gateway(
    payment: Payment, alice: User, gateway: str, other: str
) -> None:
    later = capture(authorise(make_payment(alice)))

    assert [payment.method.gateway, later.method.gateway] == ["simulator", "other"]
    assert gateway_payments(other)[-1] == ("captured", 1900)
    assert gateway_payments(gateway) == [("authorised", 1900)]


def test_a_removed_card_is_forgotten_at_its_own_gateway(
    payment: Payment, gateway: str, other: str
) -> None:
    refund(payment)
    known_to_the_other = books(other)["tokens"]
    cards.remove(payment.method)
    process_task(cards.KIND, payment.method_id)

    payment.method.refresh_from_db()
    assert payment.method.forgotten_at is not None
    assert (books(gateway)["tokens"], books(other)["tokens"]) == (0, known_to_the_other)


def test_a_card_page_and_its_card_belong_to_one_gateway(
    alice: User, gateway: str, other: str, settings: Settings
) -> None:
    page = opened_page(alice)
    assert page.url.startswith(other)
    settings.PAYMENT_GATEWAY = [SIMULATOR, OTHER]

    type_card(page.url)
    process_task(pages.KIND, page.pk)

    page.refresh_from_db()
    assert page.method is not None
    assert page.method.gateway == "other"


def test_what_belongs_to_a_gateway_that_is_not_listed_waits_for_it(
    payment: Payment, gateway: str, other: str, settings: Settings
) -> None:
    settings.PAYMENT_GATEWAY = [OTHER]
    calls = GatewayCall.objects.count()

    with pytest.raises(GatewayUnavailable, match="no gateway with the name 'simulator'") as raised:
        capture(payment)

    assert (raised.value.was_sent, raised.value.is_setting) == (False, True)
    assert GatewayCall.objects.count() == calls
    assert gateway_payments(gateway) == [("authorised", 1900)]

    settings.PAYMENT_GATEWAY = [OTHER, SIMULATOR]
    assert capture(payment).state == PaymentState.CAPTURED


def test_a_card_whose_gateway_is_not_listed_waits_for_its_removal(
    payment: Payment, other: str, settings: Settings
) -> None:
    refund(payment)
    cards.remove(payment.method)
    settings.PAYMENT_GATEWAY = [OTHER]

    again = process_task(cards.KIND, payment.method_id)

    assert isinstance(again, RetryAfter)
    payment.method.refresh_from_db()
    assert payment.method.forgotten_at is None
    assert "no gateway with the name" in payment.method.last_error


def post(address: str, payment: Payment) -> int:
    reported = {"id": payment.gateway_id, "reference": payment.reference, "status": "captured"}
    body = json.dumps({"id": "evt_1", "payment": reported})
    return (
        Client()
        .post(
            address,
            body,
            content_type="application/json",
            headers={SIGNATURE_HEADER: signed(body, SECRET, at=int(now().timestamp()))},
        )
        .status_code
    )


def test_an_event_is_about_a_payment_of_its_own_gateway_only(payment: Payment, other: str) -> None:
    """Two gateways may use the same ids, for payments and for events."""
    assert post("/payments/webhook/other", payment) == 204
    assert post("/payments/webhook/simulator", payment) == 204

    stored = WebhookEvent.objects.values_list("gateway", "payment")
    assert list(stored) == [("other", None), ("simulator", payment.pk)]


def test_without_a_name_an_event_comes_from_the_first_gateway(payment: Payment, other: str) -> None:
    assert post("/payments/webhook", payment) == 204

    assert WebhookEvent.objects.get().gateway == "other"


def test_an_event_of_an_unknown_gateway_is_refused(payment: Payment, other: str) -> None:
    assert post("/payments/webhook/stranger", payment) == 400

    assert not WebhookEvent.objects.exists()


def test_the_hosts_of_all_gateways_are_listed(gateway: str, settings: Settings) -> None:
    settings.PAYMENT_GATEWAY = [SIMULATOR, OTHER]
    settings.OTHER_GATEWAY_URL = "https://other.example"
    printed = StringIO()

    call_command("payment_hosts", stdout=printed)

    assert printed.getvalue() == "127.0.0.1\nother.example\n"
