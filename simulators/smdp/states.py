"""The states of a profile at the SM-DP+ and the moves between them (SGP.22 v2.2, 3.1.6)."""

from enum import StrEnum


class ProfileState(StrEnum):
    AVAILABLE = "Available"
    ALLOCATED = "Allocated"
    LINKED = "Linked"
    CONFIRMED = "Confirmed"
    RELEASED = "Released"
    DOWNLOADED = "Downloaded"
    INSTALLED = "Installed"
    ERROR = "Error"
    UNAVAILABLE = "Unavailable"


State = ProfileState

_AFTER_CANCELLATION = frozenset({State.AVAILABLE, State.UNAVAILABLE})

NEXT_STATES: dict[ProfileState, frozenset[ProfileState]] = {
    State.AVAILABLE: frozenset({State.ALLOCATED, State.LINKED}),
    State.ALLOCATED: frozenset({State.CONFIRMED, State.RELEASED}) | _AFTER_CANCELLATION,
    State.LINKED: frozenset({State.CONFIRMED, State.RELEASED}) | _AFTER_CANCELLATION,
    State.CONFIRMED: frozenset({State.RELEASED}) | _AFTER_CANCELLATION,
    State.RELEASED: frozenset({State.DOWNLOADED, State.ERROR}) | _AFTER_CANCELLATION,
    State.DOWNLOADED: frozenset({State.INSTALLED, State.ERROR}),
    State.INSTALLED: frozenset(),
    State.ERROR: _AFTER_CANCELLATION,
    State.UNAVAILABLE: frozenset(),
}


class IllegalTransition(Exception):
    def __init__(self, old: ProfileState, new: ProfileState) -> None:
        super().__init__(f"{old} to {new}")
