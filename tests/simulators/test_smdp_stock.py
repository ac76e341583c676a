"""Stock: after the first declaration, only declared stock is known."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.simulators.es2plus import ICCID, OTHER_ICCID, call, cancel, confirm, order
from tests.simulators.process import running


@pytest.fixture(scope="module")
def strict_process() -> Iterator[httpx.Client]:
    with running("simulators.smdp", "--strict", "--refused-type", "not-for-you") as simulator:
        yield simulator.http


@pytest.fixture
def strict(strict_process: httpx.Client) -> httpx.Client:
    strict_process.post("/reset")
    return strict_process


def declare(smdp: httpx.Client, profile_type: str = "kestrel-esim", **more: Any) -> list[str]:
    answer = smdp.post("/stock", json={"profileType": profile_type, **more})
    assert answer.status_code == 201
    iccids: list[str] = answer.json()["iccids"]
    return iccids


def test_a_strict_sm_dp_knows_only_declared_stock(strict: httpx.Client) -> None:
    assert order(strict, profileType=None) == "8.2.1/3.9"
    assert order(strict, iccid=None) == "8.2.5/3.9"
    assert confirm(strict) == "8.2.1/3.9"


def test_only_declared_stock_is_known_after_the_first_declaration(smdp: httpx.Client) -> None:
    assert order(smdp, iccid=OTHER_ICCID) == "success"

    declare(smdp, iccids=[ICCID + "F"])

    assert order(smdp) == "success"
    assert order(smdp, iccid="8988211000000000037") == "8.2.1/3.9"
    assert order(smdp, profileType="another") == "8.2.5/3.9"
    assert confirm(smdp, iccid=OTHER_ICCID) == "success"


def test_a_reset_forgets_the_stock(smdp: httpx.Client) -> None:
    declare(smdp, iccids=[ICCID])

    smdp.post("/reset")

    assert order(smdp, iccid=OTHER_ICCID) == "success"


def test_an_order_by_type_takes_from_the_stock_until_it_is_empty(strict: httpx.Client) -> None:
    declared = declare(strict, count=2)

    ordered = [call(strict, "downloadOrder", profileType="kestrel-esim") for _ in declared]

    assert [answer["iccid"] for answer in ordered] == declared
    assert order(strict, iccid=None) == "8.2.5/3.7"


def test_a_profile_cancelled_into_the_stock_can_be_ordered_again(strict: httpx.Client) -> None:
    declare(strict, iccids=[ICCID])
    order(strict, iccid=None)
    assert cancel(strict, "Available", matchingId=None) == "success"

    assert order(strict, iccid=None) == "success"
    assert cancel(strict, matchingId=None) == "success"
    assert order(strict, iccid=None) == "8.2.5/3.7"


def test_an_order_must_name_the_declared_type_of_the_iccid(strict: httpx.Client) -> None:
    declare(strict, iccids=[ICCID])
    declare(strict, "another", count=0)

    assert order(strict, profileType="another") == "8.2.5/3.8"


def test_a_type_can_be_refused_to_this_operator(strict: httpx.Client) -> None:
    assert order(strict, profileType="not-for-you") == "8.2.5/1.2"


def test_the_stock_shows_what_is_available(strict: httpx.Client) -> None:
    declare(strict, count=2)
    declare(strict, "another", count=0)
    order(strict, iccid=None)

    assert strict.get("/stock").json() == {
        "stock": [
            {"profileType": "kestrel-esim", "profiles": 2, "available": 1},
            {"profileType": "another", "profiles": 0, "available": 0},
        ]
    }


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({"iccids": [OTHER_ICCID]}, 422, "invalid_profileType"),
        ({"profileType": "", "count": 1}, 422, "invalid_profileType"),
        ({"profileType": "a"}, 422, "invalid_count"),
        ({"profileType": "a", "count": True}, 422, "invalid_count"),
        ({"profileType": "a", "count": 100_001}, 422, "invalid_count"),
        ({"profileType": "a", "iccids": OTHER_ICCID}, 422, "invalid_iccids"),
        ({"profileType": "a", "iccids": ["12"]}, 422, "invalid_iccids"),
        ({"profileType": "a", "iccids": [OTHER_ICCID, ICCID]}, 409, "iccid_known"),
    ],
)
def test_an_invalid_declaration_declares_nothing(
    smdp: httpx.Client, body: dict[str, Any], status: int, error: str
) -> None:
    order(smdp)

    answer = smdp.post("/stock", json=body)

    assert (answer.status_code, answer.json()) == (status, {"error": error})
    assert smdp.get("/stock").json() == {"stock": []}
    assert order(smdp, iccid=OTHER_ICCID) == "success"
