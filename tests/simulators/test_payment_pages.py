"""The payment simulator's page for a card, and the deletion of stored cards."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.simulators.process import Simulator, running
from tests.simulators.test_payment import pay, post, token_of

BACK = {"return_url": "http://portal.example/payment/card/1/returned/"}
TYPED = {"number": "4242 4242 4242 4242", "expiry": "12/49", "csc": "123", "name": "Alice"}


@pytest.fixture(scope="module")
def process() -> Iterator[Simulator]:
    with running("simulators.payment") as simulator:
        yield simulator


@pytest.fixture
def gateway(process: Simulator) -> httpx.Client:
    process.http.post("/reset")
    return process.http


def open_page(gateway: httpx.Client, key: str = "page") -> dict[str, Any]:
    status, answer = post(gateway, "/pages", key, **BACK)
    assert status == 201
    return answer


def submit(gateway: httpx.Client, page: dict[str, Any], **changes: str) -> httpx.Response:
    return gateway.post(page["url"], data={"decision": "store", **TYPED, **changes})


def page_status(gateway: httpx.Client, page: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = gateway.get(f"/pages/{page['id']}").json()
    return found


def test_a_page_stores_a_card_and_leads_back(gateway: httpx.Client) -> None:
    page = open_page(gateway)
    assert "<h1>Enter your card</h1>" in gateway.get(page["url"]).text
    assert page_status(gateway, page) == {"id": page["id"], "status": "open", "reason": ""}

    back = submit(gateway, page)

    taken = page_status(gateway, page)
    assert (back.status_code, back.headers["location"]) == (303, BACK["return_url"])
    assert taken.pop("token").startswith("tok_")
    assert taken == {
        "id": page["id"],
        "status": "taken",
        "reason": "",
        "brand": "visa",
        "last4": "4242",
        "exp_month": 12,
        "exp_year": 2049,
    }


def test_a_page_without_a_return_address_is_refused(gateway: httpx.Client) -> None:
    assert post(gateway, "/pages", "page") == (422, {"error": "return_url_required"})


def test_the_same_key_gives_the_same_page(gateway: httpx.Client) -> None:
    assert open_page(gateway) == open_page(gateway)
    assert len(gateway.get("/books").json()["pages"]) == 1


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("number", "4242 4242 4242 4241", "Check the card number."),
        ("expiry", "", "Check the expiry"),
        ("expiry", "01/20", "Check the expiry"),
        ("csc", "12", "Check the security code."),
    ],
)
def test_a_mistyped_card_is_corrected_on_the_page(
    gateway: httpx.Client, field: str, value: str, words: str
) -> None:
    page = open_page(gateway)

    again = submit(gateway, page, **{field: value})

    assert (again.status_code, words in again.text) == (200, True)
    assert page_status(gateway, page)["status"] == "open"
    assert submit(gateway, page).status_code == 303


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"number": "4000 0000 0000 0002"}, "card_declined"),
        ({"number": "4000 0000 0000 0069"}, "expired_card"),
        ({"decision": "close"}, "closed_by_customer"),
    ],
)
def test_a_page_can_end_without_a_card(
    gateway: httpx.Client, said: dict[str, str], reason: str
) -> None:
    page = open_page(gateway)

    back = submit(gateway, page, **said)

    assert back.headers["location"] == BACK["return_url"]
    assert page_status(gateway, page) == {"id": page["id"], "status": "refused", "reason": reason}
    assert gateway.get("/books").json()["tokens"] == 0


def test_the_first_end_of_a_page_counts(gateway: httpx.Client) -> None:
    page = open_page(gateway)
    submit(gateway, page)
    token = page_status(gateway, page)["token"]

    again = submit(gateway, page, decision="close")

    assert again.headers["location"] == BACK["return_url"]
    assert page_status(gateway, page)["token"] == token
    assert gateway.get("/books").json()["tokens"] == 1
    assert gateway.get(page["url"]).headers["location"] == BACK["return_url"]


def test_an_unknown_page_is_not_found(gateway: httpx.Client) -> None:
    assert gateway.get("/pages/page_none").status_code == 404
    assert gateway.get("/card/page_none").status_code == 404
    assert gateway.post("/card/page_none", data=TYPED).status_code == 404


@pytest.mark.parametrize("function", ["open_page", "fetch_page", "forget"])
def test_each_function_of_a_page_can_fail(gateway: httpx.Client, function: str) -> None:
    page, token = open_page(gateway), token_of(gateway)
    calls: dict[str, Callable[[], object]] = {
        "open_page": lambda: post(gateway, "/pages", "other", **BACK),
        "fetch_page": lambda: gateway.get(f"/pages/{page['id']}"),
        "forget": lambda: post(gateway, "/tokens/forget", "f", token=token),
    }
    gateway.post("/faults", json={"function": function, "fault": "drop_after"})

    with pytest.raises(httpx.RemoteProtocolError):
        calls[function]()

    calls[function]()


def test_a_forgotten_card_cannot_pay(gateway: httpx.Client) -> None:
    token = token_of(gateway)

    forgotten = post(gateway, "/tokens/forget", "f", token=token)

    assert forgotten == (200, {"status": "forgotten"})
    assert post(gateway, "/tokens/forget", "f", token=token) == forgotten
    assert post(gateway, "/tokens/forget", "g", token=token) == (404, {"error": "unknown_token"})
    assert pay(gateway, token=token) == (422, {"error": "unknown_token"})


def test_no_file_has_a_card_number_from_a_page(tmp_path: Path) -> None:
    store = ("--store", str(tmp_path / "payment.sqlite3"))
    with running("simulators.payment", *store) as simulator:
        page = open_page(simulator.http)
        submit(simulator.http, page)
        kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())

    assert b"4242424242424242" not in kept
    assert TYPED["number"].encode() not in kept
    with running("simulators.payment", *store) as simulator:
        address = f"/card/{page['id']}"
        assert simulator.http.get(address).headers["location"] == BACK["return_url"]
