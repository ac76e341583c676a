"""How tests read the books of the simulators and make their functions fail."""

from typing import Any

import httpx


def books(url: str) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.get(f"{url}/books", trust_env=False).raise_for_status().json()
    return answer


def break_it(url: str, function: str, fault: str, times: int = 1, **more: Any) -> None:
    """Make one function of a simulator fail the next `times` calls."""
    rule = {"function": function, "fault": fault, "times": times, **more}
    httpx.post(f"{url}/faults", json=rule, trust_env=False).raise_for_status()


def mend(url: str) -> None:
    """Remove all faults from a simulator."""
    httpx.delete(f"{url}/faults", trust_env=False).raise_for_status()


def statuses(gateway: str) -> list[str]:
    return [payment["status"] for payment in books(gateway)["payments"]]


def profiles(smdp: str) -> list[tuple[str, str]]:
    return [(profile["iccid"], profile["state"]) for profile in books(smdp)["profiles"]]


def states(smdp: str) -> list[str]:
    return [state for _, state in profiles(smdp)]
