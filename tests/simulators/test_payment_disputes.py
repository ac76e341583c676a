"""The payment simulator's disputes, inquiries and fraud warnings, and the bank's desk."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.simulators.process import Simulator, running
from tests.simulators.test_payment import pay, post

pytestmark = pytest.mark.processes
EVIDENCE = {"order": "Order ABC"}


@pytest.fixture(scope="module")
def process() -> Iterator[Simulator]:
    with running("simulators.payment") as simulator:
        yield simulator


@pytest.fixture
def gateway(process: Simulator) -> httpx.Client:
    process.http.post("/reset")
    return process.http


def charged(gateway: httpx.Client, number: str = "4242 4242 4242 4242") -> str:
    """Return the id of a charged payment."""
    _status, answer = pay(gateway, number=number)
    post(gateway, f"/payments/{answer['id']}/capture", "c")
    return str(answer["id"])


def disputes(gateway: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = gateway.get("/books").json()["disputes"]
    return found


def opened(gateway: httpx.Client, payment: str, **details: object) -> str:
    return str(gateway.post(f"/payments/{payment}/dispute", json=details).json()["id"])


@pytest.mark.parametrize(
    ("number", "kind", "reason", "taken"),
    [
        ("4000 0000 0000 2685", "dispute", "product_not_received", 1999),
        ("4000 0000 0000 0259", "dispute", "fraudulent", 1999),
        ("4000 0000 0000 1976", "inquiry", "product_not_received", 0),
    ],
)
def test_some_cards_are_disputed_as_soon_as_they_are_charged(
    gateway: httpx.Client, number: str, kind: str, reason: str, taken: int
) -> None:
    payment = charged(gateway, number)

    [row] = disputes(gateway)

    shown = gateway.get(f"/disputes/{row['id']}").json()
    assert (shown["payment"], shown["kind"], shown["reason"]) == (payment, kind, reason)
    assert (shown["status"], shown["taken"]) == ("needs_answer", taken)


def test_a_card_leads_to_a_warning_of_fraud(gateway: httpx.Client) -> None:
    charged(gateway, "4000 0000 0000 5423")

    assert disputes(gateway) == []


def test_a_disputed_charge_is_not_refunded_and_a_lost_one_less(gateway: httpx.Client) -> None:
    payment = charged(gateway)
    dispute = opened(gateway, payment, amount=1500)

    refused, answer = post(gateway, f"/payments/{payment}/refund", "r", amount=1)
    gateway.post(f"/disputes/{dispute}/end", json={"status": "lost"})
    beyond, _ = post(gateway, f"/payments/{payment}/refund", "r2", amount=500)
    rest, _ = post(gateway, f"/payments/{payment}/refund", "r3", amount=499)

    assert (refused, answer["error"]) == (409, "disputed")
    assert (beyond, rest) == (409, 200)


def test_evidence_is_taken_once(gateway: httpx.Client) -> None:
    path = f"/disputes/{opened(gateway, charged(gateway))}"

    empty, _ = post(gateway, f"{path}/answer", "a", evidence={})
    sent, answer = post(gateway, f"{path}/answer", "a", evidence=EVIDENCE)
    again, _ = post(gateway, f"{path}/answer", "a", evidence=EVIDENCE)
    other, _ = post(gateway, f"{path}/answer", "b", evidence=EVIDENCE)

    assert (empty, sent, again, other) == (422, 200, 200, 409)
    assert answer["status"] == "under_review"
    assert disputes(gateway)[0]["evidence"] == "order\nOrder ABC"


def test_an_inquiry_may_become_a_dispute_and_only_that_is_accepted(gateway: httpx.Client) -> None:
    dispute = opened(gateway, charged(gateway), kind="inquiry")

    refused, _ = post(gateway, f"/disputes/{dispute}/accept", "a")
    gateway.post(f"/disputes/{dispute}/end", json={"status": "dispute"})
    accepted, answer = post(gateway, f"/disputes/{dispute}/accept", "b")

    assert (refused, accepted) == (409, 200)
    assert (answer["kind"], answer["status"], answer["taken"]) == ("dispute", "lost", 1999)


def test_what_is_not_there_or_not_charged_is_refused(gateway: httpx.Client) -> None:
    _status, answer = pay(gateway)

    asked = [
        gateway.get("/disputes/nothing"),
        gateway.get("/fraud_warnings/nothing"),
        gateway.post("/payments/nothing/dispute", json={}),
        gateway.post("/payments/nothing/fraud_warning"),
        gateway.post(f"/payments/{answer['id']}/dispute", json={}),
    ]

    assert [one.status_code for one in asked] == [404, 404, 404, 404, 409]


def test_somebody_plays_the_bank_at_the_desk(gateway: httpx.Client) -> None:
    payment = charged(gateway)
    assert "ORDER1" in gateway.get("/desk").text

    def click(subject: str, do: str) -> int:
        return gateway.post("/desk", data={"subject": subject, "do": do}).status_code

    clicks = [click(payment, do) for do in ("fraud", "inquiry", "warning")]
    fraud, inquiry = disputes(gateway)
    clicks += [click(fraud["id"], "won"), click(inquiry["id"], "escalate")]

    assert clicks == [303] * 5
    assert [(one["kind"], one["status"]) for one in disputes(gateway)] == [
        ("dispute", "won"),
        ("dispute", "needs_answer"),
    ]
    assert "Merchant wins" in gateway.get("/desk").text
    assert click(payment, "anything") == 400
    assert click("nothing", "dispute") == 404
