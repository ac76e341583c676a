import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.simulators.process import Simulator, running

NUMBER = "4242 4242 4242 4242"
CARD = {"number": NUMBER, "exp_month": 12, "exp_year": 2049, "csc": "123", "name": "Alice"}


@pytest.fixture(scope="module")
def process() -> Iterator[Simulator]:
    with running("simulators.payment") as simulator:
        yield simulator


@pytest.fixture
def gateway(process: Simulator) -> httpx.Client:
    process.http.post("/reset")
    return process.http


def post(gateway: httpx.Client, path: str, key: str, **body: object) -> tuple[int, dict[str, Any]]:
    response = gateway.post(path, json=body, headers={"Idempotency-Key": key})
    return response.status_code, response.json()


def token_of(gateway: httpx.Client, number: str = NUMBER) -> str:
    status, answer = post(gateway, "/tokens", f"token {number[-4:]}", **{**CARD, "number": number})
    assert status == 201
    return str(answer["token"])


def pay(
    gateway: httpx.Client, key: str = "pay", *, number: str = NUMBER, **fields: object
) -> tuple[int, dict[str, Any]]:
    body = {"token": token_of(gateway, number), "amount": 1999, "currency": "USD"}
    return post(gateway, "/payments", key, **{**body, "reference": "ORDER1", **fields})


def payments(gateway: httpx.Client) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = gateway.get("/books").json()["payments"]
    return shown


def test_a_card_becomes_a_token(gateway: httpx.Client) -> None:
    status, answer = post(gateway, "/tokens", "k", **CARD)

    assert (status, answer.pop("token")[:4]) == (201, "tok_")
    assert answer == {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2049}


@pytest.mark.parametrize(
    ("number", "csc", "brand"),
    [
        ("5555555555554444", "123", "mastercard"),
        ("378282246310005", "1234", "amex"),
        ("6011111111111117", "123", "discover"),
        ("3530111333300000", "123", "jcb"),
        ("6759649826438453", "123", "card"),
    ],
)
def test_the_number_shows_the_brand(
    gateway: httpx.Client, number: str, csc: str, brand: str
) -> None:
    _status, answer = post(gateway, "/tokens", "k", **{**CARD, "number": number, "csc": csc})

    assert answer["brand"] == brand


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"number": "4242 4242 4242 4241"}, "invalid_number"),
        ({"number": "4242"}, "invalid_number"),
        ({"number": 4242424242424242}, "invalid_number"),
        ({"exp_month": 13}, "invalid_expiry"),
        ({"exp_month": "12"}, "invalid_expiry"),
        ({"exp_year": 2020}, "invalid_expiry"),
        ({"exp_year": 2999}, "invalid_expiry"),
        ({"csc": "12"}, "invalid_csc"),
        ({"csc": None}, "invalid_csc"),
    ],
)
def test_a_mistyped_card_is_refused_and_can_be_corrected(
    gateway: httpx.Client, fields: dict[str, Any], error: str
) -> None:
    assert post(gateway, "/tokens", "k", **{**CARD, **fields}) == (422, {"error": error})
    assert post(gateway, "/tokens", "k", **CARD)[0] == 201


def test_a_payment_is_authorised_captured_and_refunded(gateway: httpx.Client) -> None:
    status, answer = pay(gateway)
    path = f"/payments/{answer['id']}"

    assert (status, answer["status"]) == (201, "authorised")
    assert post(gateway, f"{path}/capture", "c") == (
        200,
        {"id": answer["id"], "status": "captured"},
    )
    assert post(gateway, f"{path}/refund", "r")[1]["status"] == "refunded"
    shown = gateway.get(path).json()
    assert shown.pop("capture_before") > time.time() + 6 * 24 * 3600
    assert shown == {
        "id": answer["id"],
        "status": "refunded",
        "amount": 1999,
        "currency": "USD",
        "reference": "ORDER1",
        "key": "pay",
        "reason": "",
        "refunded": 1999,
        "disputed": 0,
        "is_disputed": 0,
    }


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("4000 0000 0000 0002", "card_declined"),
        ("4000 0000 0000 9995", "insufficient_funds"),
        ("4000 0000 0000 0069", "expired_card"),
    ],
)
def test_a_test_card_is_declined_with_its_reason(
    gateway: httpx.Client, number: str, reason: str
) -> None:
    status, answer = pay(gateway, number=number)

    assert (status, answer["status"], answer["reason"]) == (201, "declined", reason)
    assert post(gateway, f"/payments/{answer['id']}/capture", "c") == (
        409,
        {"error": "invalid_state", "status": "declined"},
    )


@pytest.mark.parametrize(
    ("number", "reason", "kind"),
    [
        ("4000 0025 0000 3155", "authentication_required", "customer"),
        ("4000 0000 0000 0341", "insufficient_funds", "later"),
        ("4000 0000 0000 7312", "stolen_card", "final"),
        ("4000 0000 0000 7320", "try_again_later", "later"),
    ],
)
def test_some_cards_are_declined_only_off_session(
    gateway: httpx.Client, number: str, reason: str, kind: str
) -> None:
    _status, there = pay(gateway, number=number)
    _status, away = pay(gateway, number=number, key="away", off_session=True)

    assert there["status"] == "authorised"
    assert (away["status"], away["reason"], away["kind"]) == ("declined", reason, kind)
    assert (away.get("retry_after") == 3 * 24 * 3600) == (reason == "try_again_later")


def test_off_session_no_customer_is_asked_to_confirm(gateway: httpx.Client) -> None:
    _status, answer = pay(gateway, number="4000 0027 6000 3184", off_session=True)

    assert (answer["status"], answer["reason"]) == ("declined", "authentication_required")


NEXT = {
    "authorised": {"capture": "captured", "void": "voided"},
    "captured": {"refund": "refunded"},
    "voided": {},
    "refunded": {},
}
WAYS = {
    "authorised": [],
    "captured": ["capture"],
    "voided": ["void"],
    "refunded": ["capture", "refund"],
}


@pytest.mark.parametrize("state", WAYS)
@pytest.mark.parametrize("action", ["capture", "void", "refund"])
def test_every_action_in_every_state(gateway: httpx.Client, state: str, action: str) -> None:
    identifier = pay(gateway)[1]["id"]
    for step in WAYS[state]:
        post(gateway, f"/payments/{identifier}/{step}", f"way {step}")

    status, answer = post(gateway, f"/payments/{identifier}/{action}", "now")

    new = NEXT[state].get(action)
    assert (status, answer["status"]) == ((200, new) if new else (409, state))


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"token": "tok_unknown"}, "unknown_token"),
        ({"amount": 0}, "invalid_amount"),
        ({"amount": 19.99}, "invalid_amount"),
        ({"amount": True}, "invalid_amount"),
        ({"currency": "usd"}, "invalid_currency"),
        ({"reference": ""}, "invalid_reference"),
    ],
)
def test_a_wrong_payment_is_refused(
    gateway: httpx.Client, fields: dict[str, Any], error: str
) -> None:
    assert pay(gateway, **fields) == (422, {"error": error})
    assert payments(gateway) == []


def test_an_unknown_payment_is_not_found(gateway: httpx.Client) -> None:
    unknown = gateway.get("/payments/pay_unknown")
    assert (unknown.status_code, unknown.json()) == (404, {"error": "unknown_payment"})
    assert post(gateway, "/payments/pay_unknown/capture", "c") == (
        404,
        {"error": "unknown_payment"},
    )
    assert post(gateway, "/v2/payments", "c") == (404, {"error": "not_found"})


def test_the_same_key_gets_the_same_answer(gateway: httpx.Client) -> None:
    first = pay(gateway)
    capture = f"/payments/{first[1]['id']}/capture"

    assert pay(gateway) == first
    assert post(gateway, capture, "c") == post(gateway, capture, "c")
    assert len(payments(gateway)) == 1


def test_the_same_key_with_another_request_is_refused(gateway: httpx.Client) -> None:
    identifier = pay(gateway)[1]["id"]

    assert pay(gateway, amount=1) == (409, {"error": "key_reused"})
    assert post(gateway, f"/payments/{identifier}/void", "pay") == (409, {"error": "key_reused"})


def test_a_key_is_required(gateway: httpx.Client) -> None:
    assert gateway.post("/tokens", json=CARD).json() == {"error": "key_required"}
    assert gateway.get("/payments").json() == {"error": "key_required"}


def test_twenty_requests_with_one_key_make_one_payment(gateway: httpx.Client) -> None:
    answers: list[str] = []
    threads = [
        threading.Thread(target=lambda: answers.append(pay(gateway)[1]["id"])) for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(answers), len(set(answers))) == (20, 1)
    assert len(payments(gateway)) == 1


@pytest.mark.parametrize(("fault", "made"), [("drop_before", 0), ("drop_after", 1)])
def test_a_payment_whose_answer_was_lost_is_found_by_its_key(
    gateway: httpx.Client, fault: str, made: int
) -> None:
    gateway.post("/faults", json={"function": "authorise", "fault": fault})

    with pytest.raises(httpx.RemoteProtocolError):
        pay(gateway)

    assert len(gateway.get("/payments", params={"key": "pay"}).json()["payments"]) == made
    assert pay(gateway)[1]["status"] == "authorised"
    assert len(payments(gateway)) == 1


@pytest.mark.parametrize(("fault", "made"), [("http", 0), ("http_after", 1)])
def test_a_payment_can_fail_with_any_http_status(
    gateway: httpx.Client, fault: str, made: int
) -> None:
    script = {"function": "authorise", "fault": fault, "status": 429, "retryAfter": 2}
    gateway.post("/faults", json=script).raise_for_status()

    money = {"amount": 1999, "currency": "USD", "reference": "ORDER1"}
    asked = {"token": token_of(gateway), **money}
    answer = gateway.post("/payments", json=asked, headers={"Idempotency-Key": "pay"})

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "2")
    assert len(payments(gateway)) == made


def test_a_payment_knows_no_faults_of_an_sm_dp(gateway: httpx.Client) -> None:
    fault = {"function": "capture", "fault": "wrong_iccid"}

    assert gateway.post("/faults", json=fault).json() == {"error": "unknown_fault"}


def test_payments_survive_a_restart_and_no_file_has_card_numbers(tmp_path: Path) -> None:
    store = ("--store", str(tmp_path / "payment.sqlite3"))
    with running("simulators.payment", *store) as simulator:
        answer = pay(simulator.http)
        kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
        assert simulator.stop() == 0

    assert b"4242424242424242" not in kept
    assert NUMBER.encode() not in kept
    with running("simulators.payment", *store) as simulator:
        assert pay(simulator.http) == answer


STEP = "4000002760003184"
BACK = {"return_url": "http://portal.example/orders/1/"}


def test_a_bank_can_ask_the_customer_to_confirm(gateway: httpx.Client) -> None:
    status, answer = pay(gateway, number=STEP, **BACK)
    shown = gateway.get(f"/payments/{answer['id']}").json()

    assert (status, answer["status"]) == (201, "requires_action")
    assert shown["url"] == answer["url"]
    assert "is this payment yours?" in gateway.get(answer["url"]).text


@pytest.mark.parametrize(
    ("decision", "status", "reason"),
    [("approve", "authorised", ""), ("refuse", "declined", "authentication_failed")],
)
def test_the_customer_decides_and_returns(
    gateway: httpx.Client, decision: str, status: str, reason: str
) -> None:
    _status, answer = pay(gateway, number=STEP, **BACK)

    back = gateway.post(answer["url"], data={"decision": decision})
    gateway.post(answer["url"], data={"decision": "approve"})

    (payment,) = payments(gateway)
    assert (back.status_code, back.headers["location"]) == (303, BACK["return_url"])
    assert (payment["status"], payment["reason"]) == (status, reason)


def test_the_same_key_after_the_step_gets_the_stored_answer(gateway: httpx.Client) -> None:
    _status, answer = pay(gateway, number=STEP, **BACK)
    gateway.post(answer["url"], data={"decision": "approve"})

    assert pay(gateway, number=STEP, **BACK)[1]["id"] == answer["id"]
    assert len(payments(gateway)) == 1


def test_a_payment_without_a_return_address_is_refused_if_the_bank_asks(
    gateway: httpx.Client,
) -> None:
    assert pay(gateway, number=STEP) == (422, {"error": "return_url_required"})


def test_an_unknown_challenge_is_not_found(gateway: httpx.Client) -> None:
    _status, answer = pay(gateway)

    for path in ("/challenge/pay_none", f"/challenge/{answer['id']}"):
        assert gateway.get(path).status_code == 404
        assert gateway.post(path, data={"decision": "approve"}).status_code == 404


def test_a_payment_that_waits_for_the_customer_can_be_voided(gateway: httpx.Client) -> None:
    _status, answer = pay(gateway, number=STEP, **BACK)

    assert post(gateway, f"/payments/{answer['id']}/void", "v")[1]["status"] == "voided"


def captured(gateway: httpx.Client, number: str = "4242424242424242") -> str:
    """Return the path of a payment that was charged."""
    path = f"/payments/{pay(gateway, number=number)[1]['id']}"
    post(gateway, f"{path}/capture", "c")
    return path


def test_a_charge_is_refunded_in_parts_and_never_beyond_it(gateway: httpx.Client) -> None:
    path = captured(gateway)

    first = post(gateway, f"{path}/refund", "r1", amount=500)[1]
    assert (first["status"], first["refund"]["status"]) == ("captured", "done")
    assert post(gateway, f"{path}/refund", "r1", amount=500)[1] == first
    assert post(gateway, f"{path}/refund", "r2", amount=1500) == (
        409,
        {"error": "invalid_refund", "status": "captured"},
    )
    assert post(gateway, f"{path}/refund", "r3", amount=1499)[1]["status"] == "refunded"

    made = gateway.get(f"{path}/refunds").json()["refunds"]
    assert [(one["key"], one["amount"]) for one in made] == [("r1", 500), ("r3", 1499)]
    found = gateway.get(f"{path}/refunds", params={"key": "r3"}).json()["refunds"]
    assert found == made[1:]
    assert gateway.get("/payments/pay_none/refunds").status_code == 404


@pytest.mark.parametrize("amount", [0, -1, True, "5", 5.0])
def test_an_amount_to_refund_is_a_whole_number_above_zero(
    gateway: httpx.Client, amount: object
) -> None:
    assert post(gateway, f"{captured(gateway)}/refund", "r", amount=amount)[0] == 409


@pytest.mark.parametrize(("status", "refunded"), [("done", 500), ("failed", 0)])
def test_a_bank_decides_later_about_a_slow_refund(
    gateway: httpx.Client, status: str, refunded: int
) -> None:
    path = captured(gateway, "4000000000007726")
    refund = post(gateway, f"{path}/refund", "r", amount=500)[1]["refund"]
    assert refund["status"] == "pending"

    ended = post(gateway, f"/refunds/{refund['id']}/end", "e", status=status)[1]

    assert (ended["status"], ended["refund"]["status"]) == ("captured", status)
    assert gateway.get(path).json()["refunded"] == refunded
    assert post(gateway, "/refunds/ref_none/end", "e")[0] == 404


def test_a_refund_to_a_closed_account_fails_and_gives_nothing_back(gateway: httpx.Client) -> None:
    path = captured(gateway, "4000000000005126")

    refund = post(gateway, f"{path}/refund", "r")[1]["refund"]

    assert (refund["status"], refund["reason"]) == ("failed", "account_closed")
    assert gateway.get(path).json()["refunded"] == 0


def test_an_authorisation_lapses_when_its_time_is_over(gateway: httpx.Client) -> None:
    path = f"/payments/{pay(gateway)[1]['id']}"

    post(gateway, f"{path}/lapse", "l")

    shown = gateway.get(path).json()
    assert (shown["status"], shown["reason"]) == ("voided", "authorisation_expired")
    assert post(gateway, f"{path}/capture", "c") == (
        409,
        {"error": "invalid_state", "status": "voided"},
    )


def test_a_forgotten_key_makes_a_second_payment_which_a_search_would_have_found(
    gateway: httpx.Client,
) -> None:
    first = pay(gateway)[1]["id"]
    post(gateway, "/keys/forget", "f")

    found = gateway.get("/payments", params={"key": "pay"}).json()["payments"]

    assert [one["id"] for one in found] == [first]
    assert pay(gateway)[1]["id"] != first
