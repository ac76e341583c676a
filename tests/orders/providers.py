"""Both simulators as the tests of orders see them: their books, and how to spoil an answer."""

from typing import Any

import httpx


def books(url: str) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.get(f"{url}/books", trust_env=False).json()
    return answer


def break_it(url: str, function: str, fault: str, times: int = 1) -> None:
    order = {"function": function, "fault": fault, "times": times}
    assert httpx.post(f"{url}/faults", json=order, trust_env=False).is_success


def statuses(gateway: str) -> list[str]:
    return [payment["status"] for payment in books(gateway)["payments"]]


def profiles(smdp: str) -> list[tuple[str, str]]:
    return [(profile["iccid"], profile["state"]) for profile in books(smdp)["profiles"]]
