"""What the billing simulator promises beside the protocol, which the bill's adapter uses."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.simulators.process import Simulator, running

BASE, REFUNDS = "/carrier-billing/v0/payments", "/carrier-billing-refund/v0/payments"


@pytest.fixture(scope="module")
def process() -> Iterator[Simulator]:
    with running("simulators.carrier_billing", "--token", "secret") as simulator:
        yield simulator


@pytest.fixture
def billing(process: Simulator) -> httpx.Client:
    process.http.post("/reset")
    process.http.headers["Authorization"] = "Bearer secret"
    return process.http


def asked(number: str = "+15550010100", **changes: Any) -> dict[str, Any]:
    charging = {"amount": 19.99, "currency": "USD", "description": "x", "isTaxIncluded": True}
    transaction = {
        "phoneNumber": number,
        "clientCorrelator": "k",
        "referenceCode": "R1",
        "paymentAmount": {"chargingInformation": {**charging, **changes}},
    }
    return {"amountTransaction": transaction}


def prepare(billing: httpx.Client, **more: Any) -> httpx.Response:
    return billing.post(f"{BASE}/prepare", json=asked(**more))


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_a_wrong_token_gets_nothing(billing: httpx.Client) -> None:
    billing.headers["Authorization"] = "Bearer guessed"

    assert code_of(prepare(billing)) == (401, "UNAUTHENTICATED")


def test_a_correlator_comes_back_and_a_wrong_one_is_refused(billing: httpx.Client) -> None:
    answer = billing.get(BASE, headers={"x-correlator": "c-1"})
    assert (answer.status_code, answer.headers["x-correlator"]) == (200, "c-1")

    assert code_of(billing.get(BASE, headers={"x-correlator": "a b"})) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"amountTransaction": 1}',
        asked("15550010100"),
        asked(amount=0),
        asked(amount="1"),
        asked(amount=True),
        asked(amount=0.0001),
        asked(currency="usd"),
        asked(description=""),
        asked(isTaxIncluded=1),
    ],
    ids=lambda body: str(body)[:1] + str(len(str(body))),
)
def test_a_request_that_is_not_as_described_is_refused(
    billing: httpx.Client, body: bytes | dict[str, Any]
) -> None:
    sent = {"content": body} if isinstance(body, bytes) else {"json": body}

    answer = billing.post(f"{BASE}/prepare", **sent)

    assert code_of(answer) == (400, "INVALID_ARGUMENT")
    assert billing.get("/books").json()["payments"] == []


def test_a_correlator_belongs_to_one_request_and_a_reference_to_one_payment(
    billing: httpx.Client,
) -> None:
    first, again = prepare(billing).json(), prepare(billing).json()

    assert first == again
    assert code_of(prepare(billing, amount=20)) == (400, "INVALID_ARGUMENT")
    billing.post("/correlators/forget")
    assert code_of(prepare(billing)) == (409, "ALREADY_EXISTS")


def test_a_reservation_lapses_and_cannot_be_confirmed(billing: httpx.Client) -> None:
    payment = prepare(billing).json()["paymentId"]

    billing.post(f"/payments/{payment}/lapse")

    confirmed = billing.post(f"{BASE}/{payment}/confirm", json={"phoneNumber": "+15550010100"})
    assert code_of(confirmed) == (409, "CARRIER_BILLING.PAYMENT_CANCELLED")
    assert billing.get(f"{BASE}/{payment}").json()["paymentStatus"] == "cancelled"


@pytest.mark.parametrize("decision", ["approve", "refuse"])
def test_the_operators_own_page_decides(billing: httpx.Client, decision: str) -> None:
    made = prepare(billing, number="+15550010211").json()
    page = made["validationInfo"]["validationURL"]
    assert "Put it on my bill" in billing.get(page).text

    after = billing.post(page, data={"decision": decision}).text

    assert "it continues by itself" in after
    status = billing.get(f"{BASE}/{made['paymentId']}").json()["paymentStatus"]
    assert status == {"approve": "reserved", "refuse": "denied"}[decision]
    assert billing.get("/validate/unknown").status_code == 404


def test_the_first_page_shows_the_bills_and_the_codes(billing: httpx.Client) -> None:
    assert "Nothing is on any bill yet." in billing.get("/").text
    prepare(billing, number="+15550010202")

    page = billing.get("/").text

    (row,) = billing.get("/books").json()["payments"]
    assert "19.990 USD" in page
    assert row["code"] in page


def test_a_refund_never_exceeds_the_charge_and_keeps_its_tax(billing: httpx.Client) -> None:
    payment = prepare(billing).json()["paymentId"]
    billing.post(f"{BASE}/{payment}/confirm", json={"phoneNumber": "+15550010100"})
    path = f"{REFUNDS}/{payment}/refunds"

    def refund(correlator: str, **changes: Any) -> httpx.Response:
        charging = {"amount": 10, "currency": "USD", "description": "x", "isTaxIncluded": True}
        transaction = {
            "clientCorrelator": correlator,
            "referenceCode": "r",
            "refundAmount": {"chargingInformation": {**charging, **changes}},
        }
        return billing.post(path, json={"type": "partial", "amountTransaction": transaction})

    assert refund("a").status_code == 201
    assert refund("a").json() == billing.get(path).json()[0]
    assert code_of(refund("a", amount=1)) == (400, "INVALID_ARGUMENT")
    assert code_of(refund("b")) == (422, "CARRIER_BILLING_REFUND.UNAUTHORIZED_AMOUNT")
    assert code_of(refund("b", isTaxIncluded=False)) == (400, "INVALID_ARGUMENT")
    other = {"type": "all", "amountTransaction": {"referenceCode": "r", "refundAmount": {}}}
    assert code_of(billing.post(path, json=other)) == (400, "INVALID_ARGUMENT")
    assert billing.get(f"{path}/remaining-amount").json()["amount"] == 9.99
    refund_id = billing.get(path).json()[0]["refundId"]
    assert billing.get(f"{path}/{refund_id}").json()["refundStatus"] == "succeeded"


@pytest.mark.parametrize(
    "query",
    [
        {"perPage": "0"},
        {"page": "x"},
        {"paymentStatus": "lost"},
        {"paymentCreationDate.gte": "yesterday"},
        {"paymentCreationDate.gte": "2026-01-01T00:00:00"},
    ],
    ids=lambda query: str(next(iter(query.values()))),
)
def test_a_search_that_is_not_as_described_is_refused(
    billing: httpx.Client, query: dict[str, str]
) -> None:
    assert code_of(billing.get(BASE, params=query)) == (400, "INVALID_ARGUMENT")
