"""Both simulators as tests see them: their books, and how to spoil an answer."""

from typing import Any

import httpx


def books(url: str) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.get(f"{url}/books", trust_env=False).raise_for_status().json()
    return answer


def break_it(url: str, function: str, fault: str, times: int = 1, **more: Any) -> None:
    """Let a simulator fail so often at one of its functions."""
    told = {"function": function, "fault": fault, "times": times, **more}
    httpx.post(f"{url}/faults", json=told, trust_env=False).raise_for_status()


def mend(url: str) -> None:
    """Let a simulator forget what it was told to fail at."""
    httpx.delete(f"{url}/faults", trust_env=False).raise_for_status()


def statuses(gateway: str) -> list[str]:
    return [payment["status"] for payment in books(gateway)["payments"]]


def profiles(smdp: str) -> list[tuple[str, str]]:
    return [(profile["iccid"], profile["state"]) for profile in books(smdp)["profiles"]]


def states(smdp: str) -> list[str]:
    return [state for _, state in profiles(smdp)]
