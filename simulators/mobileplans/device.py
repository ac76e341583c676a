"""The device's download: what the SM-DP+ is asked, and the failures that never come so far.

The names are those of Windows' ESimOperationStatus; they are not translated.
"""

from dataclasses import dataclass

INSTALLED = "installed"
EID_MISMATCH = "EidMismatch"
PROCESSING_ERROR = "ProfileProcessingError"
FAILURES = (
    "NotAuthorized",
    "NotFound",
    "PolicyViolation",
    "InsufficientSpaceOnCard",
    "ServerFailure",
    "ServerNotReachable",
    "TimeoutWaitingForUserConsent",
    "IncorrectConfirmationCode",
    "ConfirmationCodeMaxRetriesExceeded",
    "CardRemoved",
    "CardBusy",
    "Other",
    "CardGeneralFailure",
    "ConfirmationCodeMissing",
    "InvalidMatchingId",
    "NoEligibleProfileForThisDevice",
    "OperationAborted",
    EID_MISMATCH,
    "ProfileNotAvailableForNewBinding",
    "ProfileNotReleasedByOperator",
    "OperationProhibitedByProfileClass",
    "ProfileNotPresent",
    "NoCorrespondingRequest",
    "TimeoutWaitingForResponse",
    "IccidAlreadyExists",
    PROCESSING_ERROR,
    "ServerNotTrusted",
    "ProfileDownloadMaxRetriesExceeded",
)
# A right EID, and of no device here.
OTHER_EID = "89049032000000000000000000000066"


@dataclass(frozen=True)
class Download:
    """One download with what is wished of it: to be installed, or to fail by one of the names."""

    activation_code: str
    eid: str
    wish: str = INSTALLED

    @property
    def fails_by_itself(self) -> bool:
        """Say whether the LPA gives up before it asks; two failures are the SM-DP+'s to see."""
        return self.wish in FAILURES and self.wish not in {EID_MISMATCH, PROCESSING_ERROR}

    def request_body(self) -> dict[str, str]:
        """Return what the SM-DP+ simulator is asked."""
        eid = OTHER_EID if self.wish == EID_MISMATCH else self.eid
        body = {"activationCode": self.activation_code, "eid": eid}
        return {**body, "end": "error"} if self.wish == PROCESSING_ERROR else body


def failure(error: str) -> dict[str, str]:
    """Return the answer to a download that came to nothing."""
    return {"result": "failed", "error": error}
