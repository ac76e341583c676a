"""Stripe's webhooks: signed, of this account and this mode, in any order."""

import json
import time
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from payments.gateways.base import WebhookForged
from payments.gateways.stripe import StripeGateway
from payments.gateways.stripe.events import TOLERANCE
from payments.gateways.values import Event
from payments.states import EventSubject
from simulators.stripe.events import SIGNATURE_HEADER, event, sign
from tests.payments.stripe import SECRET

INTENT = {"id": "pi_1", "object": "payment_intent", "metadata": {"reference": "ORDER1"}}


@pytest.fixture(autouse=True)
def _secret(settings: Settings) -> None:
    settings.STRIPE_MODE = "test"
    settings.STRIPE_WEBHOOK_SECRET = SECRET


def receive(body: str, *, secret: str = SECRET, age: int = 0, header: str = "") -> Event:
    signature = header or sign(body, secret, at=int(time.time()) - age)
    return StripeGateway().parse_webhook(body.encode(), {SIGNATURE_HEADER: signature})


def body_of(found: dict[str, Any], **more: Any) -> str:
    return json.dumps({**event("a.kind", found), "id": "evt_1", **more})


@pytest.mark.parametrize(
    ("found", "gateway_id", "reference"),
    [
        (INTENT, "pi_1", "ORDER1"),
        ({"id": "ch_1", "object": "charge", "payment_intent": "pi_1"}, "pi_1", ""),
        (
            {"id": "re_1", "object": "refund", "payment_intent": "pi_1", "metadata": None},
            "pi_1",
            "",
        ),
        ({"id": "cs_1", "object": "checkout.session", "payment_intent": None}, "cs_1", ""),
        ({"id": "cus_1", "object": "customer"}, "cus_1", ""),
    ],
)
def test_an_event_names_the_payment_to_ask_about(
    found: dict[str, Any], gateway_id: str, reference: str
) -> None:
    assert receive(body_of(found)) == Event("evt_1", gateway_id, reference, "a.kind")


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        ("dispute", EventSubject.DISPUTE),
        ("radar.early_fraud_warning", EventSubject.FRAUD_WARNING),
    ],
)
def test_an_event_names_what_it_is_about_beside_the_payment(
    kind: str, subject: EventSubject
) -> None:
    found = {"id": "dp_1", "object": kind, "payment_intent": "pi_1"}

    assert receive(body_of(found)) == Event("evt_1", "pi_1", "", "a.kind", subject, "dp_1")


def test_while_the_secret_is_changed_both_are_accepted(settings: Settings) -> None:
    settings.STRIPE_WEBHOOK_SECRET = "whsec_the_next_one"
    settings.STRIPE_WEBHOOK_SECRET_FALLBACKS = [SECRET]

    for secret in (SECRET, "whsec_the_next_one"):
        assert receive(body_of(INTENT), secret=secret).gateway_id == "pi_1"
    with pytest.raises(WebhookForged):
        receive(body_of(INTENT), secret="whsec_of_nobody")


@pytest.mark.parametrize("age", [TOLERANCE + 5, 10**9])
def test_an_old_signature_is_refused(age: int) -> None:
    with pytest.raises(WebhookForged, match="signature"):
        receive(body_of(INTENT), age=age)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"livemode": True}, "another mode"),
        ({"livemode": None}, "another mode"),
        ({"account": "acct_of_another"}, "another account"),
        ({"id": 1}, "not text"),
        ({"id": "evt\0"}, "not text"),
        ({"data": {}}, "KeyError"),
        ({"data": {"object": []}}, "AttributeError"),
    ],
)
def test_what_is_not_for_this_account_or_no_event_is_refused(
    more: dict[str, Any], why: str
) -> None:
    with pytest.raises(WebhookForged, match=why):
        receive(body_of(INTENT, **more))


@pytest.mark.parametrize("header", ["t=1", "ä", "v1=1", ","])
def test_a_header_of_another_form_is_refused(header: str) -> None:
    with pytest.raises(WebhookForged):
        receive(body_of(INTENT), header=header)


def test_without_a_secret_and_without_text_every_event_is_refused(settings: Settings) -> None:
    with pytest.raises(WebhookForged, match="not text"):
        StripeGateway().parse_webhook(b"\xff", {SIGNATURE_HEADER: "t=1,v1=00"})
    settings.STRIPE_WEBHOOK_SECRET = ""
    with pytest.raises(WebhookForged, match="signature"):
        receive(body_of(INTENT))
