"""The stand-in for Stripe: its errors, its keys, and what its webhooks say."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from simulators.stripe.forms import parse_form, values
from tests.payments.stripe import keep_card
from tests.stack import running_simulator

CHARGE = {"amount": "1900", "currency": "usd", "capture_method": "manual", "confirm": "true"}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with running_simulator("stripe") as url:
        yield url


def post(url: str, path: str, *, key: str = "", **form: str) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return httpx.post(f"{url}/v1/{path}", data=form, headers=headers, trust_env=False)


def pay(url: str, name: str = "pm_card_visa", *, key: str = "", **more: str) -> httpx.Response:
    customer, _, method = keep_card(url, name).partition("/")
    form = {**CHARGE, "customer": customer, "payment_method": method, **more}
    return post(url, "payment_intents", key=key, **form)


def error_of(answer: httpx.Response) -> dict[str, Any]:
    error: dict[str, Any] = answer.json()["error"]
    return error


def test_a_form_is_read_as_stripe_reads_it() -> None:
    form = parse_form("a=1&metadata[key]=k&expand[]=x&expand[]=y&items[0][price]=5")

    assert form["a"] == "1"
    assert form["metadata"] == {"key": "k"}
    assert values(form["expand"]) == ["x", "y"]
    assert values(form["items"]) == [{"price": "5"}]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"amount": "49"}, "amount_too_small"),
        ({"amount": "x"}, "parameter_invalid_integer"),
        ({"amount": "1505", "currency": "kwd"}, "invalid_amount"),
        ({"payment_method": "pm_unknown"}, "resource_missing"),
        ({"payment_method_types[]": "card"}, "payment_method_types_no_longer_supported"),
    ],
)
def test_a_request_with_a_fault_is_refused(address: str, more: dict[str, str], code: str) -> None:
    answer = pay(address, **more)

    assert (answer.status_code, error_of(answer)["code"]) == (400, code)


def test_a_refusal_is_repeated_for_its_key_and_another_request_is_an_error(address: str) -> None:
    form = {**CHARGE, "payment_method": "pm_card_chargeDeclined"}
    first = post(address, "payment_intents", key="k1", **form)

    again = post(address, "payment_intents", key="k1", **form)
    other = post(address, "payment_intents", key="k1", **{**form, "amount": "2000"})

    assert first.status_code == again.status_code == 402
    assert error_of(first) == error_of(again)
    assert error_of(other)["type"] == "idempotency_error"


def test_each_change_is_announced(address: str) -> None:
    httpx.post(f"{address}/reset", trust_env=False)
    intent = pay(address).json()["id"]
    post(address, f"payment_intents/{intent}/capture")
    post(address, "refunds", payment_intent=intent)

    notices = httpx.get(f"{address}/notices", trust_env=False).json()

    assert [json.loads(one["body"])["type"] for one in notices] == [
        "payment_intent.amount_capturable_updated",
        "payment_intent.succeeded",
        "charge.refunded",
        "refund.updated",
    ]
    assert "_behaviour" not in str(notices)
