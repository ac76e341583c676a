"""The network simulator: its answers and its books."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

SERVICE = {"sequence": 1, "plan": "p", "iccid": "8949", "imsi": "", "msisdn": ""}


@pytest.fixture
def http(network_simulator: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=network_simulator, trust_env=False) as client:
        client.post("/reset")
        yield client


def put(http: httpx.Client, **changes: Any) -> httpx.Response:
    return http.put("/subscriptions/one", json={**SERVICE, **changes})


def test_a_put_activates_a_plan(http: httpx.Client) -> None:
    assert put(http).json()["state"] == "active"
    assert http.get("/subscriptions/one").json()["iccid"] == "8949"
    assert http.get("/subscriptions/other").status_code == 404


def test_a_put_with_a_lower_sequence_changes_nothing(http: httpx.Client) -> None:
    put(http, sequence=7, iccid="8950")

    assert put(http, sequence=6).json()["iccid"] == "8950"
    assert put(http, sequence=8).json()["iccid"] == "8949"


def test_an_ended_plan_is_never_active_again(http: httpx.Client) -> None:
    assert http.delete("/subscriptions/one").json()["state"] == "ended"

    assert put(http, sequence=9).status_code == 409
    assert http.get("/subscriptions/one").json()["state"] == "ended"


@pytest.mark.parametrize(
    "changes", [{"sequence": 0}, {"sequence": True}, {"sequence": "1"}, {"iccid": ""}, {"plan": 1}]
)
def test_an_incomplete_put_is_refused(http: httpx.Client, changes: dict[str, Any]) -> None:
    assert put(http, **changes).status_code == 400


def test_every_call_is_in_the_books(http: httpx.Client) -> None:
    put(http)
    http.delete("/subscriptions/one")
    put(http)

    calls = http.get("/books").json()["calls"]
    assert [(call["operation"], call["answer"]) for call in calls] == [
        ("activate", "200"),
        ("end", "200"),
        ("activate", "409"),
    ]


def test_an_active_sim_uses_data(http: httpx.Client) -> None:
    put(http)
    after = http.get("/usage", params={"limit": 10}).json()["cursor"]
    for used in (5, 7):
        assert http.post("/usage", json={"iccid": "8949", "bytes": used}).status_code == 201

    first = http.get("/usage", params={"after": after, "limit": 1}).json()
    second = http.get("/usage", params={"after": first["cursor"], "limit": 10}).json()

    assert [record["bytes"] for record in (*first["records"], *second["records"])] == [5, 7]
    assert (first["more"], second["more"]) == (True, False)
    assert first["records"][0].keys() == {"id", "iccid", "usedAt", "bytes", "country"}


def test_a_cursor_stays_valid_after_the_books_are_emptied(http: httpx.Client) -> None:
    put(http)
    http.post("/usage", json={"iccid": "8949", "bytes": 1})
    after = http.get("/usage", params={"limit": 10}).json()["cursor"]
    http.post("/reset")
    put(http)
    http.post("/usage", json={"iccid": "8949", "bytes": 2})

    (record,) = http.get("/usage", params={"after": after, "limit": 10}).json()["records"]

    assert record["bytes"] == 2


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"iccid": "8949", "bytes": -1}, 400),
        ({"iccid": "8949", "bytes": True}, 400),
        ({"iccid": "8949"}, 400),
        ({"iccid": 8949, "bytes": 1}, 400),
        ({"iccid": "8950", "bytes": 1}, 409),
    ],
)
def test_only_an_active_sim_uses_data(http: httpx.Client, body: Any, status: int) -> None:
    put(http)

    assert http.post("/usage", json=body).status_code == status


@pytest.mark.parametrize("query", ["", "?limit=x", "?limit=1&after=x"])
def test_a_cursor_is_a_number(http: httpx.Client, query: str) -> None:
    assert http.get(f"/usage{query}").status_code == 400
