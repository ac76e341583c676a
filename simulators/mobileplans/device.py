"""The device's download: the request to the SM-DP+, and failures that happen before it.

The failures are named as in Windows' ESimOperationStatus and are not translated.
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
# A valid EID that no device of the demo has.
OTHER_EID = "89049032000000000000000000000066"


@dataclass(frozen=True)
class Download:
    """One download. `ending` is `installed`, or the name of the failure that it ends with."""

    activation_code: str
    eid: str
    ending: str = INSTALLED

    @property
    def fails_by_itself(self) -> bool:
        """Return whether the LPA fails without a request; two failures involve the SM-DP+."""
        return self.ending in FAILURES and self.ending not in {EID_MISMATCH, PROCESSING_ERROR}

    def request_body(self) -> dict[str, str]:
        """Return the body of the request to the SM-DP+ simulator."""
        eid = OTHER_EID if self.ending == EID_MISMATCH else self.eid
        body = {"activationCode": self.activation_code, "eid": eid}
        return {**body, "end": "error"} if self.ending == PROCESSING_ERROR else body


def failure(error: str) -> dict[str, str]:
    """Return the answer for a download that failed."""
    return {"result": "failed", "error": error}
