"""How tests read the books of the simulators and make their functions fail."""

from typing import Any

import httpx

# A client of its own for each call would load all certificate authorities each time.
CLIENT = httpx.Client(trust_env=False)


def books(url: str) -> dict[str, Any]:
    answer: dict[str, Any] = CLIENT.get(f"{url}/books").raise_for_status().json()
    return answer


def reset(url: str) -> None:
    """Empty a simulator's books, and remove all faults."""
    CLIENT.post(f"{url}/reset")


def break_it(url: str, function: str, fault: str, times: int = 1, **more: Any) -> None:
    """Make one function of a simulator fail the next `times` calls."""
    rule = {"function": function, "fault": fault, "times": times, **more}
    CLIENT.post(f"{url}/faults", json=rule).raise_for_status()


def mend(url: str) -> None:
    """Remove all faults from a simulator."""
    CLIENT.delete(f"{url}/faults").raise_for_status()


def statuses(gateway: str) -> list[str]:
    return [payment["status"] for payment in books(gateway)["payments"]]


def profiles(smdp: str) -> list[tuple[str, str]]:
    return [(profile["iccid"], profile["state"]) for profile in books(smdp)["profiles"]]


def states(smdp: str) -> list[str]:
    return [state for _, state in profiles(smdp)]
