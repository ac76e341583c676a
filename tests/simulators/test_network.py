"""The network simulator: what is live, by its books and by its answers."""

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


def test_it_is_live_once_it_was_put(http: httpx.Client) -> None:
    assert put(http).json()["state"] == "active"
    assert http.get("/subscriptions/one").json()["iccid"] == "8949"
    assert http.get("/subscriptions/other").status_code == 404


def test_of_two_the_higher_sequence_counts(http: httpx.Client) -> None:
    put(http, sequence=7, iccid="8950")

    assert put(http, sequence=6).json()["iccid"] == "8950"
    assert put(http, sequence=8).json()["iccid"] == "8949"


def test_what_was_ended_is_never_live_again(http: httpx.Client) -> None:
    assert http.delete("/subscriptions/one").json()["state"] == "ended"

    assert put(http, sequence=9).status_code == 409
    assert http.get("/subscriptions/one").json()["state"] == "ended"


@pytest.mark.parametrize(
    "changes", [{"sequence": 0}, {"sequence": True}, {"sequence": "1"}, {"iccid": ""}, {"plan": 1}]
)
def test_what_is_incomplete_is_refused(http: httpx.Client, changes: dict[str, Any]) -> None:
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
