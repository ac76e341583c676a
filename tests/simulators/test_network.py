"""The network simulator: its answers and its books."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

SERVICE = {"sequence": 1, "active": True, "plan": "p", "imsi": "", "msisdn": ""}


@pytest.fixture
def http(network_simulator: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=network_simulator, trust_env=False) as client:
        client.post("/reset")
        yield client


def put(http: httpx.Client, iccid: str = "8949", **changes: Any) -> httpx.Response:
    return http.put(f"/subscriptions/one/sims/{iccid}", json={**SERVICE, **changes})


def take_off(http: httpx.Client, iccid: str = "8949", *, sequence: int) -> httpx.Response:
    told = {"sequence": sequence, "active": False}
    return http.put(f"/subscriptions/one/sims/{iccid}", json=told)


def iccids(http: httpx.Client) -> list[str]:
    found: list[str] = http.get("/subscriptions/one").json()["iccids"]
    return found


def test_a_put_activates_a_plan(http: httpx.Client) -> None:
    assert put(http).json() == {"reference": "one", "iccid": "8949", "active": True}
    assert iccids(http) == ["8949"]
    assert http.get("/subscriptions/other").status_code == 404


def test_a_plan_is_active_on_several_sims(http: httpx.Client) -> None:
    put(http)
    put(http, "8950", sequence=2)
    assert iccids(http) == ["8949", "8950"]

    assert take_off(http, sequence=3).json()["active"] is False
    assert iccids(http) == ["8950"]


def test_of_the_calls_about_a_sim_the_highest_sequence_counts(http: httpx.Client) -> None:
    put(http, sequence=7)
    put(http, "8950", sequence=5)

    assert take_off(http, sequence=6).json()["active"] is True
    assert take_off(http, sequence=8).json()["active"] is False
    assert put(http, sequence=7).json()["active"] is False
    assert put(http, sequence=9).json()["active"] is True


def test_a_plan_that_was_never_active_on_a_sim_can_be_taken_off_it(http: httpx.Client) -> None:
    assert take_off(http, sequence=2).json()["active"] is False

    assert put(http, sequence=1).json()["active"] is False


def test_an_ended_plan_is_never_active_again(http: httpx.Client) -> None:
    put(http)
    assert http.delete("/subscriptions/one").json()["state"] == "ended"
    assert iccids(http) == []

    assert put(http, sequence=9).status_code == 409
    assert http.get("/subscriptions/one").json()["state"] == "ended"


@pytest.mark.parametrize(
    "changes", [{"sequence": 0}, {"sequence": True}, {"sequence": "1"}, {"active": 1}, {"plan": 1}]
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


SIM, WAY = "8949", {"minutes": 10, "megabytes": 5}


def open_way(http: httpx.Client, sequence: int, **changes: Any) -> httpx.Response:
    return http.put(f"/ways/{SIM}/{sequence}", json={**WAY, **changes})


def state_of_way(http: httpx.Client) -> str:
    state: str = http.get(f"/ways/{SIM}").json()["state"]
    return state


def test_a_sim_has_a_way_out_until_it_is_closed(http: httpx.Client) -> None:
    assert state_of_way(http) == "closed"
    assert open_way(http, 1).json()["state"] == "open"
    assert state_of_way(http) == "open"

    assert http.delete(f"/ways/{SIM}/1").json()["state"] == "closed"
    assert state_of_way(http) == "closed"


def test_a_repeated_call_makes_a_way_no_longer(http: httpx.Client) -> None:
    open_way(http, 1, minutes=1)

    assert open_way(http, 1, minutes=60).json()["seconds"] <= 60


def test_a_closed_way_is_never_open_again(http: httpx.Client) -> None:
    http.delete(f"/ways/{SIM}/7")

    assert [open_way(http, number).status_code for number in (6, 7, 8)] == [409, 409, 200]


def test_closing_an_old_way_leaves_the_newer_one_open(http: httpx.Client) -> None:
    open_way(http, 1)
    open_way(http, 2)
    http.delete(f"/ways/{SIM}/1")

    assert state_of_way(http) == "open"


def test_a_way_is_over_when_its_bytes_are_used(http: httpx.Client) -> None:
    open_way(http, 1, megabytes=1)

    left = http.post(f"/ways/{SIM}/traffic", json={"bytes": 999_999}).json()
    assert (left["state"], left["bytesLeft"]) == ("open", 1)
    assert http.post(f"/ways/{SIM}/traffic", json={"bytes": 2}).json()["state"] == "closed"


@pytest.mark.parametrize("changes", [{"minutes": 0}, {"minutes": True}, {"megabytes": "5"}])
def test_an_incomplete_way_is_refused(http: httpx.Client, changes: dict[str, Any]) -> None:
    assert open_way(http, 1, **changes).status_code == 400


def test_the_calls_about_ways_are_in_the_books(http: httpx.Client) -> None:
    open_way(http, 1)
    http.delete(f"/ways/{SIM}/1")
    open_way(http, 1)

    calls = http.get("/books").json()["calls"]
    assert [(call["operation"], call["answer"]) for call in calls] == [
        ("open_way", "200"),
        ("close_way", "200"),
        ("open_way", "409"),
    ]
