"""The simulator of a customer system keeps the protocol of docs/customer-system.md."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from simulators.customers.lines import LINES
from tests.subscriptions.operator_lines.steps import BILL_CODE, ICCID, NUMBER

OTHER_ICCID = "8944999100000000077"


@pytest.fixture
def http(customer_simulator: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=customer_simulator, trust_env=False) as client:
        client.post("/reset")
        yield client


def ask(http: httpx.Client, path: str, key: str = "k1", **fields: str) -> httpx.Response:
    return http.post(f"/lines/{path}", json=fields, headers={"Idempotency-Key": key})


def test_a_line_is_found_by_number_by_bill_code_or_by_both(http: httpx.Client) -> None:
    by_number = ask(http, "find", number=NUMBER).json()
    by_code = ask(http, "find", billCode=BILL_CODE).json()
    by_both = ask(http, "find", number=NUMBER, billCode=BILL_CODE).json()
    by_wrong_code = ask(http, "find", number=NUMBER, billCode="HOLD-0").json()

    found = (by_number, by_code, by_both, by_wrong_code)
    assert {one["reference"] for one in found} == {"metered"}
    assert [one["billCodeValid"] for one in found] == [False, True, True, False]
    assert all("billCode" not in one for one in found)


@pytest.mark.parametrize("fields", [{"number": "+1"}, {"billCode": "HOLD-0"}, {}])
def test_an_unknown_line_is_404(http: httpx.Client, fields: dict[str, str]) -> None:
    answer = ask(http, "find", **fields)

    assert (answer.status_code, answer.json()) == (404, {"error": "unknown_line"})


def test_every_first_line_is_found(http: httpx.Client) -> None:
    for reference, line in LINES.items():
        found = ask(http, "find", number=line["number"]).json()
        assert found["reference"] == reference
        assert ask(http, f"{reference}/balance").json() == found


def test_a_sim_comes_onto_a_line_once_for_each_key(http: httpx.Client) -> None:
    assert ask(http, "metered/may-attach", iccid=OTHER_ICCID).status_code == 200
    first = ask(http, "metered/attach", iccid=OTHER_ICCID)
    again = ask(http, "metered/attach", iccid=OTHER_ICCID)
    other = ask(http, "metered/attach", "k2", iccid=OTHER_ICCID)

    assert first.json()["sims"] == [ICCID, OTHER_ICCID]
    assert again.json() == first.json()
    assert (other.status_code, other.json()) == (409, {"error": "sim_in_use"})
    assert ask(http, "metered/detach", "k3", iccid=OTHER_ICCID).json()["sims"] == [ICCID]
    assert ask(http, "metered/detach", "k4", iccid=OTHER_ICCID).status_code == 409


def test_a_locked_line_takes_no_sim(http: httpx.Client) -> None:
    answer = ask(http, "locked/attach", iccid=OTHER_ICCID)

    assert (answer.status_code, answer.json()) == (409, {"error": "locked"})


def test_a_plan_is_cancelled_kept_and_changed(http: httpx.Client) -> None:
    def plan_after(operation: str, key: str, **fields: str) -> dict[str, Any]:
        answer = ask(http, f"metered/{operation}", key, plan="m", **fields)
        plan: dict[str, Any] = answer.json()["plans"][0]
        return plan

    assert plan_after("cancel", "a")["cancelled"] is True
    assert plan_after("undo", "b")["cancelled"] is False
    assert plan_after("change", "c", newPlan="l")["next"] == "l"
    assert ask(http, "metered/cancel", "d", plan="x").json() == {"error": "unknown_plan"}


def test_pending_is_done_and_answered_with_the_same_key(http: httpx.Client) -> None:
    rule = {"function": "attach", "fault": "pending", "seconds": 9}
    http.post("/faults", json=rule).raise_for_status()
    first = ask(http, "metered/attach", iccid=OTHER_ICCID)
    again = ask(http, "metered/attach", iccid=OTHER_ICCID)

    assert (first.status_code, first.json()) == (202, {"retryAfter": 9})
    assert again.json()["sims"] == [ICCID, OTHER_ICCID]


def test_a_request_needs_a_key_and_texts(http: httpx.Client) -> None:
    assert http.post("/lines/find", json={"number": NUMBER}).json() == {"error": "no_key"}
    answer = http.post("/lines/find", json={"number": 1}, headers={"Idempotency-Key": "k"})
    assert answer.json() == {"error": "invalid_request"}


def test_lines_are_added_changed_and_removed_and_calls_are_listed(http: httpx.Client) -> None:
    assert http.put("/books/lines/new", json={"locked": True}).status_code == 400
    assert http.put("/books/lines/new", json={"number": "+491"}).json()["sims"] == []
    assert http.put("/books/lines/new", json={"locked": True}).json()["number"] == "+491"
    assert ask(http, "new/balance").json()["locked"] is True
    http.delete("/books/lines/new").raise_for_status()
    assert ask(http, "new/balance").status_code == 404

    books = http.get("/books").json()
    assert set(books["lines"]) == set(LINES)
    assert [call["status"] for call in books["calls"]] == [200, 404]
    assert http.get("/healthz").json() == {"status": "ok"}
