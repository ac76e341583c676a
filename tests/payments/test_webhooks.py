"""`payments.domain.webhooks`: repeated, disordered, late and forged webhooks change nothing."""

import json
import random
from typing import Any

import httpx
import pytest
from django.test import Client
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import User
from orders.domain.settling import enqueue_of_payment
from orders.models import Order
from orders.states import OrderState
from outbox.domain import Lease
from outbox.models import Task
from payments.models import Payment, WebhookEvent
from payments.states import PaymentState
from simulators.payment.server import SIGNATURE_HEADER, signed
from tests.builders import make_order, make_pool, make_visit, payment_of
from tests.orders.conftest import CUSTOMER_STEP, new_card, settled

SECRET = "the gateway's and ours"
THREE_DAYS = 3 * 24 * 3600
WEBHOOK = "/payments/webhook"


@pytest.fixture(autouse=True)
def secret(settings: Settings) -> None:
    settings.PAYMENT_WEBHOOK_SECRET = SECRET


@pytest.fixture
def waiting(alice: User, gateway: str, smdp: str) -> Order:
    """Return Alice's order, which waits for her confirmation at the bank."""
    make_pool()
    visit = make_visit(account=alice)
    order = settled(make_order(alice, visit=visit, method=new_card(alice, CUSTOMER_STEP)))
    assert order.state == OrderState.PENDING
    return order


def event(payment: Payment, status: str = "authorised", **changes: object) -> str:
    reported = {"id": payment.gateway_id, "reference": payment.reference, "status": status}
    return json.dumps({"id": f"evt_{payment.pk}_{status}", "payment": reported, **changes})


def post(body: str, *, secret: str = SECRET, late: int = 0, signature: str | None = None) -> int:
    header = signed(body, secret, at=int(now().timestamp()) - late)
    answer = Client().post(
        WEBHOOK,
        body,
        content_type="application/json",
        headers={SIGNATURE_HEADER: header if signature is None else signature},
    )
    return answer.status_code


def decide(order: Order, decision: str) -> None:
    """Approve or refuse at the bank, without coming back."""
    url = payment_of(order).customer_step_url
    httpx.post(url, data={"decision": decision}, trust_env=False)


def test_an_event_is_stored_and_enqueues_its_payment(waiting: Order) -> None:
    assert post(event(payment_of(waiting))) == 204

    stored = WebhookEvent.objects.get()
    task = Task.objects.get(kind="payment")
    assert (stored.payment, stored.status) == (waiting.payment, "authorised")
    assert task.subject == str(waiting.payment_id)


def test_a_payment_enqueues_its_order(waiting: Order) -> None:
    Task.objects.all().delete()

    enqueue_of_payment(str(waiting.payment_id), Lease(0, ""))
    enqueue_of_payment("0", Lease(0, ""))

    assert Task.objects.get().subject == str(waiting.pk)


@pytest.mark.parametrize(
    ("decision", "state"), [("approve", OrderState.COMPLETED), ("refuse", OrderState.FAILED)]
)
def test_the_gateways_answer_decides(waiting: Order, decision: str, state: OrderState) -> None:
    decide(waiting, decision)
    post(event(payment_of(waiting)))

    assert settled(waiting).state == state


def test_the_status_in_an_event_decides_nothing(waiting: Order) -> None:
    post(event(payment_of(waiting), "captured"))

    order = settled(waiting)

    assert (order.state, payment_of(order).state) == (OrderState.PENDING, PaymentState.PENDING)


def test_an_event_that_comes_fifty_times_is_stored_once(waiting: Order) -> None:
    for _ in range(50):
        assert post(event(payment_of(waiting))) == 204

    assert WebhookEvent.objects.count() == 1
    assert Task.objects.filter(kind="payment").count() == 1


@pytest.mark.parametrize("seed", range(5))
def test_events_in_any_order_and_three_days_late_complete_the_order(
    waiting: Order, seed: int
) -> None:
    decide(waiting, "approve")
    reported = [
        event(payment_of(waiting), one) for one in ("requires_action", "authorised", "captured")
    ]
    reported *= 3
    random.Random(seed).shuffle(reported)  # noqa: S311 -- a seed makes a failure repeatable

    for body in reported:
        assert post(body, late=THREE_DAYS) == 204
        settled(waiting)

    order = Order.objects.get(pk=waiting.pk)
    assert (order.state, payment_of(order).state) == (OrderState.COMPLETED, PaymentState.CAPTURED)


def test_an_event_that_precedes_the_answer_finds_the_payment(waiting: Order) -> None:
    body = event(payment_of(waiting))
    Payment.objects.update(gateway_id="")

    post(body)

    assert WebhookEvent.objects.get().payment == waiting.payment


def test_an_event_of_an_unknown_payment_is_stored_and_enqueues_nothing(
    db: None, alice: User
) -> None:
    stranger = Payment(pk=1, gateway_id="pay_x", reference="X")

    assert post(event(stranger)) == 204

    assert WebhookEvent.objects.get().payment is None
    assert not Task.objects.filter(kind="payment").exists()


FORGED: list[dict[str, Any]] = [
    {"secret": "another"},
    {"signature": ""},
    {"signature": "t=1,v1=00"},
    {"signature": "v1"},
    {"signature": "t=é,v1=é"},
]


@pytest.mark.parametrize("how", FORGED)
def test_a_forged_event_has_no_effect(
    waiting: Order, how: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    decide(waiting, "approve")

    assert post(event(payment_of(waiting)), **how) == 400

    assert not WebhookEvent.objects.exists()
    assert "webhook refused" in caplog.text


def test_a_body_changed_after_signing_is_forged(waiting: Order) -> None:
    body = event(payment_of(waiting))
    header = signed(body, SECRET, at=1)

    assert post(body.replace("authorised", "declined"), signature=header) == 400


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", "x", '{"id": 1, "payment": {}}', "[" * 5000, '{"payment": null}']
)
def test_a_signed_body_that_is_not_an_event_is_refused(db: None, alice: User, body: str) -> None:
    assert post(body) == 400


def test_fields_that_cannot_be_stored_are_refused(waiting: Order) -> None:
    assert post(event(payment_of(waiting), id="a\0b")) == 400
    assert post(event(payment_of(waiting), id=1)) == 400


def test_without_a_secret_every_event_is_refused(waiting: Order, settings: Settings) -> None:
    settings.PAYMENT_WEBHOOK_SECRET = ""

    assert post(event(payment_of(waiting)), secret="") == 400


def test_a_body_that_is_too_long_and_other_methods_are_refused(waiting: Order) -> None:
    assert post(event(payment_of(waiting), more="x" * 70_000)) == 413
    assert Client().get(WEBHOOK).status_code == 405


def test_coming_back_from_the_bank_enqueues_the_order_at_once(
    waiting: Order, as_alice: Client, client: Client, bob: User
) -> None:
    Task.objects.all().delete()
    address = f"/orders/{waiting.number}/returned/"

    assert as_alice.get(address).headers["Location"] == f"/orders/{waiting.number}/"
    assert Task.objects.get().subject == str(waiting.pk)
    client.force_login(bob)
    assert client.get(address).status_code == 404
