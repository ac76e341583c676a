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
    # Executed, but not as asked: a repeat would only do it again.
    Outcome.CONTRADICTION: Decision.STAFF,
    # Nothing says whether the function was executed before it expired.
    Outcome.EXPIRED: Decision.ASK,
    Outcome.NOT_SENT: Decision.RETRY,
    Outcome.NO_ANSWER: Decision.ASK,
    # A proxy may answer 502 or 504 although the SM-DP+ behind it
    # has executed the function.
    Outcome.COME_BACK: Decision.ASK,
    Outcome.MISCONFIGURED: Decision.RETRY,
    # Any other 4xx is about the request itself, so a repeat gets the same answer.
    Outcome.REFUSED: Decision.STAFF,
    Outcome.UNREADABLE: Decision.ASK,
}

BY_CODES: Mapping[str, Mapping[Codes, Decision]] = {
    # Subject and reason codes: SGP.22 v2.2, 5.3.1 to 5.3.4, and docs/es2plus.md#errors.
    "downloadOrder": {
        # The ICCID is unknown.
        ("8.2.1", "3.9"): Decision.STAFF,
        # The ICCID is another operator's.
        ("8.2.1", "1.2"): Decision.STAFF,
        # The ICCID is reserved or used: perhaps by an earlier call of the portal.
        ("8.2.1", "3.3"): Decision.ALREADY_DONE,
        # The profile type is unknown.
        ("8.2.5", "3.9"): Decision.STAFF,
        # The profile type is not allowed.
        ("8.2.5", "1.2"): Decision.STAFF,
        # The type is out of stock.
        ("8.2.5", "3.7"): Decision.OUT_OF_STOCK,
        # The type does not match the ICCID.
        ("8.2.5", "3.8"): Decision.STAFF,
    },
    "confirmOrder": {
        # The ICCID is unknown.
        ("8.2.1", "3.9"): Decision.STAFF,
        # The ICCID is another operator's.
        ("8.2.1", "1.2"): Decision.STAFF,
        ("8.2.1", "3.3"): Decision.ALREADY_DONE,
        # Invalid transition: a strict SM-DP+ answers this to a repeat.
        ("8.2.1", "3.5"): Decision.ALREADY_DONE,
        # The matching id is in use. It is random, so only the portal can have used it.
        ("8.2.6", "3.3"): Decision.ALREADY_DONE,
        # The matching id is malformed (later versions).
        ("8.2.6", "2.1"): Decision.STAFF,
        # The SM-DS cannot be reached, or its registration failed.
        ("8.9", "5.1"): Decision.RETRY,
        ("8.9", "4.2"): Decision.RETRY,
        # The EID is missing, or another EID is bound.
        ("8.1.1", "2.2"): Decision.REFUSE,
        ("8.1.1", "3.10"): Decision.REFUSE,
    },
    "cancelOrder": {
        # The ICCID is unknown, so there is no order.
        ("8.2.1", "3.9"): Decision.ALREADY_DONE,
        # The ICCID is another operator's.
        ("8.2.1", "1.2"): Decision.STAFF,
        # A device has downloaded the profile.
        ("8.2.1", "3.3"): Decision.DOWNLOADED,
        # Another EID is bound, or a field is missing.
        ("8.2.1", "3.10"): Decision.STAFF,
        ("8.2.1", "2.2"): Decision.STAFF,
        # Another matching id is bound, or none is.
        ("8.2.6", "3.10"): Decision.WITHOUT_MATCHING_ID,
        ("8.2.6", "2.2"): Decision.STAFF,
        ("8.1.1", "2.2"): Decision.STAFF,
    },
    "releaseProfile": {
        # The ICCID is unknown, or another operator's.
        ("8.2.1", "3.9"): Decision.STAFF,
        ("8.2.1", "1.2"): Decision.STAFF,
        # Released already: a strict SM-DP+ refuses the second release.
        ("8.2.1", "3.5"): Decision.ALREADY_DONE,
    },
}
# Reasons that mean "not now", for functions and subjects that BY_CODES does not list.
BY_REASON: Mapping[str, Decision] = {"5.1": Decision.RETRY, "4.2": Decision.RETRY}
DEFAULT = Decision.STAFF

# A call with one of these outcomes had no effect at the SM-DP+.
WITHOUT_EFFECT = frozenset(
    {Outcome.NOT_SENT, Outcome.FAILED, Outcome.MISCONFIGURED, Outcome.REFUSED}
)
# Staff are alerted to these although the call is repeated: only people can end their cause.
ALERTING = frozenset({Outcome.MISCONFIGURED, Outcome.UNREADABLE})

# After these decisions about a call without effect, the ICCID can be ordered for someone else.
ICCID_IS_GOOD = frozenset({Decision.RETRY, Decision.OUT_OF_STOCK, Decision.REFUSE})


def decide(function: str, outcome: Es2Call.Outcome, codes: Codes) -> Decision:
    """Return what to do after this answer to this function."""
    if outcome != Outcome.FAILED:
        return BY_OUTCOME[outcome]
    return BY_CODES[function].get(codes) or BY_REASON.get(codes[1], DEFAULT)
