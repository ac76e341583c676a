from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.simulators.process import Simulator, refused_to_start, running

CODE = "KESTREL0001"


@pytest.fixture(scope="module")
def process() -> Iterator[Simulator]:
    with running("simulators.vouchers") as simulator:
        yield simulator


@pytest.fixture
def server(process: Simulator) -> httpx.Client:
    process.http.post("/reset")
    issue(process.http)
    return process.http


def issue(server: httpx.Client, **changes: object) -> int:
    voucher = {"code": CODE, "amount": 5000, "currency": "USD"}
    return server.post("/vouchers", json={**voucher, **changes}).status_code


def post(server: httpx.Client, path: str, key: str, **body: object) -> tuple[int, dict[str, Any]]:
    response = server.post(path, json=body, headers={"Idempotency-Key": key})
    return response.status_code, response.json()


def reserve(
    server: httpx.Client, key: str = "reserve", **changes: Any
) -> tuple[int, dict[str, Any]]:
    body = {"code": CODE, "amount": 1900, "currency": "USD", "reference": "ORDER1"}
    return post(server, "/reservations", key, **{**body, **changes})


def redeemed(server: httpx.Client) -> str:
    """Return the path of a reservation that was redeemed."""
    path = f"/reservations/{reserve(server)[1]['id']}"
    assert post(server, f"{path}/redeem", "redeem")[0] == 200
    return path


def voucher(server: httpx.Client) -> dict[str, Any]:
    (found,) = server.get("/books").json()["vouchers"]
    return dict(found)


def test_an_answer_never_has_the_code(server: httpx.Client) -> None:
    status, answer = reserve(server)

    assert (status, answer["status"]) == (201, "reserved")
    assert CODE not in str(answer)
    assert CODE not in server.get(f"/reservations/{answer['id']}").text
    assert CODE not in server.get("/reservations?key=reserve").text


def test_the_same_key_reserves_once_and_takes_no_other_request(server: httpx.Client) -> None:
    first = reserve(server)

    assert reserve(server) == first
    assert reserve(server, amount=1) == (409, {"error": "key_reused"})
    assert voucher(server)["held"] == 1900


def test_a_forgotten_key_reserves_again(server: httpx.Client) -> None:
    reserve(server)
    server.post("/keys/forget")

    reserve(server)

    assert voucher(server)["held"] == 3800


@pytest.mark.parametrize(
    "changes",
    [{"amount": 0}, {"amount": True}, {"amount": "1"}, {"code": ""}, {"currency": 1}],
    ids=["zero", "truth", "text", "no code", "no currency"],
)
def test_a_malformed_request_reserves_nothing(
    server: httpx.Client, changes: dict[str, Any]
) -> None:
    status, answer = reserve(server, **changes)

    assert status == 422
    assert answer["error"].startswith("invalid_")
    assert voucher(server)["held"] == 0


def test_a_request_needs_a_key(server: httpx.Client) -> None:
    assert reserve(server, key="") == (400, {"error": "key_required"})


def test_a_reservation_moves_once(server: httpx.Client) -> None:
    path = redeemed(server)

    refused = post(server, f"{path}/cancel", "cancel")

    assert refused == (409, {"error": "invalid_state", "status": "redeemed"})
    assert post(server, "/reservations/res_0/redeem", "k")[0] == 404


def test_no_more_is_returned_than_was_redeemed(server: httpx.Client) -> None:
    path = redeemed(server)
    assert post(server, f"{path}/returns", "first", amount=1000)[0] == 200

    status, answer = post(server, f"{path}/returns", "second", amount=901)

    assert (status, answer["error"]) == (409, "invalid_return")
    assert voucher(server)["spent"] == 900
    assert post(server, f"{path}/returns", "third", amount=900)[0] == 200
    assert server.get(path).json()["status"] == "returned"


def test_a_voucher_without_a_currency_is_not_issued(server: httpx.Client) -> None:
    assert issue(server, currency=None) == 422


def test_a_voucher_of_the_command_line_is_issued_once(tmp_path: Path) -> None:
    options = ["--store", str(tmp_path / "vouchers.sqlite3"), "--issue", f"{CODE}:5000:USD"]
    for key in ("first", "second"):
        with running("simulators.vouchers", *options) as simulator:
            reserve(simulator.http, key=key)

            held = voucher(simulator.http)["held"]

    assert held == 3800


@pytest.mark.parametrize("text", ["CODE", "CODE:1", ":1:USD", "CODE:x:USD"])
def test_a_malformed_voucher_of_the_command_line_stops_the_start(text: str) -> None:
    assert "is not CODE:AMOUNT:CURRENCY" in refused_to_start("simulators.vouchers", "--issue", text)


def test_a_caller_without_the_token_learns_nothing() -> None:
    with running("simulators.vouchers", "--token", "secret") as simulator:
        assert reserve(simulator.http)[0] == 401
        assert simulator.http.get("/reservations?key=k").status_code == 401
        assert simulator.http.get("/reservations/res_0").status_code == 401
        assert simulator.http.get("/reservations/res_0/returns?key=k").status_code == 401
        right = {"Authorization": "Bearer secret"}
        assert simulator.http.get("/reservations?key=k", headers=right).status_code == 200
