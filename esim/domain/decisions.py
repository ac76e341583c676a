"""The decision that follows each answer of an SM-DP+, as data.

The answers are those of docs/es2plus.md#functions and docs/es2plus.md#errors. `make tables` writes
these decisions into that document. An answer that is not listed is permanent, and alerts staff.
"""

from collections.abc import Mapping
from enum import StrEnum

from esim.models import Es2Call

Outcome = Es2Call.Outcome
Codes = tuple[str, str]


class Decision(StrEnum):
    """What to do next. `esim.domain.provisioning` does it."""

    GO_ON = "go on"
    RETRY = "retry"
    ASK = "ask"
    ALREADY_DONE = "already done"
    WITHOUT_MATCHING_ID = "without matching id"
    OUT_OF_STOCK = "out of stock"
    DOWNLOADED = "downloaded"
    REFUSE = "refuse"
    STAFF = "staff"


MEANINGS: Mapping[Decision, str] = {
    Decision.GO_ON: "The call succeeded. Go on with the next step.",
    Decision.RETRY: "Nothing was done. Repeat the call later.",
    Decision.ASK: "It may have been done. Repeat the call; *already done* then means success.",
    Decision.ALREADY_DONE: "Success if an earlier call of the portal may have done it, "
    "otherwise as *staff*. For a cancel: nothing is left to cancel.",
    Decision.WITHOUT_MATCHING_ID: "The matching id was never bound. Repeat the cancel without it.",
    Decision.OUT_OF_STOCK: "Give the profile up. The customer reads that no eSIM is left.",
    Decision.DOWNLOADED: "A device has the profile. Nothing is cancelled, and no second profile is "
    "issued.",
    Decision.REFUSE: "Give the profile up: this device cannot have it.",
    Decision.STAFF: "Give the profile up, and tell staff why.",
}

# For every function. If the SM-DP+ answers that the function failed, the codes decide.
BY_OUTCOME: Mapping[Es2Call.Outcome, Decision] = {
    Outcome.SUCCESS: Decision.GO_ON,
    Outcome.WARNING: Decision.GO_ON,
    Outcome.CONTRADICTION: Decision.STAFF,
    Outcome.EXPIRED: Decision.ASK,
    Outcome.NOT_SENT: Decision.RETRY,
    Outcome.NO_ANSWER: Decision.ASK,
    Outcome.COME_BACK: Decision.ASK,
    Outcome.REFUSED: Decision.STAFF,
    Outcome.UNREADABLE: Decision.ASK,
}

BY_CODES: Mapping[str, Mapping[Codes, Decision]] = {
    "downloadOrder": {
        ("8.2.1", "3.9"): Decision.STAFF,
        ("8.2.1", "1.2"): Decision.STAFF,
        ("8.2.1", "3.3"): Decision.ALREADY_DONE,
        ("8.2.5", "3.9"): Decision.STAFF,
        ("8.2.5", "1.2"): Decision.STAFF,
        ("8.2.5", "3.7"): Decision.OUT_OF_STOCK,
        ("8.2.5", "3.8"): Decision.STAFF,
    },
    "confirmOrder": {
        ("8.2.1", "3.9"): Decision.STAFF,
        ("8.2.1", "1.2"): Decision.STAFF,
        ("8.2.1", "3.3"): Decision.ALREADY_DONE,
        ("8.2.1", "3.5"): Decision.ALREADY_DONE,
        ("8.2.6", "3.3"): Decision.ALREADY_DONE,
        ("8.2.6", "2.1"): Decision.STAFF,
        ("8.9", "5.1"): Decision.RETRY,
        ("8.9", "4.2"): Decision.RETRY,
        ("8.1.1", "2.2"): Decision.REFUSE,
        ("8.1.1", "3.10"): Decision.REFUSE,
    },
    "cancelOrder": {
        ("8.2.1", "3.9"): Decision.ALREADY_DONE,
        ("8.2.1", "1.2"): Decision.STAFF,
        ("8.2.1", "3.3"): Decision.DOWNLOADED,
        ("8.2.1", "3.10"): Decision.STAFF,
        ("8.2.1", "2.2"): Decision.STAFF,
        ("8.2.6", "3.10"): Decision.WITHOUT_MATCHING_ID,
        ("8.2.6", "2.2"): Decision.STAFF,
        ("8.1.1", "2.2"): Decision.STAFF,
    },
    "releaseProfile": {
        ("8.2.1", "3.9"): Decision.STAFF,
        ("8.2.1", "1.2"): Decision.STAFF,
        ("8.2.1", "3.5"): Decision.ALREADY_DONE,
    },
}
# Reasons that mean "not now", for functions and subjects that BY_CODES does not list.
BY_REASON: Mapping[str, Decision] = {"5.1": Decision.RETRY, "4.2": Decision.RETRY}
DEFAULT = Decision.STAFF

# A call with one of these outcomes had no effect at the SM-DP+.
WITHOUT_EFFECT = frozenset({Outcome.NOT_SENT, Outcome.FAILED, Outcome.REFUSED})


def decide(function: str, outcome: Es2Call.Outcome, codes: Codes) -> Decision:
    """Return what to do after this answer to this function."""
    if outcome != Outcome.FAILED:
        return BY_OUTCOME[outcome]
    return BY_CODES[function].get(codes) or BY_REASON.get(codes[1], DEFAULT)
