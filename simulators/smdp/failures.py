"""How a download can fail, for the device and for the SM-DP+.

A device names its failure as in Windows' ESimOperationStatus. Some failures reach
the SM-DP+ as a failed check or as the reason of a cancelled session. Then the
order ends in Error, and HandleDownloadProgressInfo reports the point and the code
(SGP.22 v2.2, 3.1.3 and 5.3.5). If only the device knows of the failure, no state
changes and nothing is reported.
"""

from dataclasses import dataclass

ELIGIBILITY = "eligibility"
CONFIRMATION_CODE = "confirmationCode"
DOWNLOAD = "download"
INSTALLATION = "installation"


@dataclass(frozen=True)
class Reason:
    """Why the SM-DP+ ends an order. At the installation, the package was already delivered."""

    point: str
    code: str
    message: str


TOO_MANY_DOWNLOADS = Reason(ELIGIBILITY, "8.8.5/6.4", "the download was attempted too often")
TOO_MANY_CODES = Reason(CONFIRMATION_CODE, "8.2.7/6.4", "too many wrong confirmation codes")

# The keys from endUserRejection on are the CancelSession reasons of SGP.22 v2.2, 5.7.14.
# The keys before it are the simulator's. The standard does not say with which point a
# cancelled session is reported. Here it is the point that was not passed: the download
# before the package is sent, the installation afterwards.
REASONS = {
    "insufficientMemory": Reason(ELIGIBILITY, "8.1/4.8", "the eUICC is full"),
    "noEligibleProfile": Reason(ELIGIBILITY, "8.2.5/4.3", "no profile fits this device"),
    "orderExpired": Reason(ELIGIBILITY, "8.8.5/4.10", "the download order has expired"),
    "endUserRejection": Reason(DOWNLOAD, "8.8.5/3.8", "the user has rejected the download"),
    "pprNotAllowed": Reason(DOWNLOAD, "8.2.8/1.2", "the profile policy rules are not allowed"),
    "undefinedReason": Reason(DOWNLOAD, "8/4.2", "the session was cancelled"),
    "metadataMismatch": Reason(INSTALLATION, "8.2.9/3.11", "the metadata has changed"),
    "loadBppExecutionError": Reason(INSTALLATION, "8.2.10/4.2", "the profile could not be loaded"),
}
# After these reasons the device may try again, so the order
# stays and nothing is reported.
UNTOLD_REASONS = frozenset({"postponed", "timeout"})

# Every failure that a test can request, and the reason that the SM-DP+ learns, if any.
FAILURES: dict[str, str | None] = {
    "NotAuthorized": None,
    "NotFound": None,
    "PolicyViolation": "pprNotAllowed",
    "InsufficientSpaceOnCard": "insufficientMemory",
    "ServerFailure": None,
    "ServerNotReachable": None,
    "TimeoutWaitingForUserConsent": "timeout",
    "CardRemoved": None,
    "CardBusy": None,
    "Other": "undefinedReason",
    "CardGeneralFailure": None,
    "NoEligibleProfileForThisDevice": "noEligibleProfile",
    "OperationAborted": "endUserRejection",
    "OperationProhibitedByProfileClass": None,
    "ProfileNotPresent": None,
    "NoCorrespondingRequest": None,
    "TimeoutWaitingForResponse": "timeout",
    "IccidAlreadyExists": "loadBppExecutionError",
    "ProfileProcessingError": "loadBppExecutionError",
    "ServerNotTrusted": None,
}
# The SM-DP+ detects these failures itself. A test must cause
# them and cannot request them.
FOUND_BY_SMDP = frozenset(
    {
        "IncorrectConfirmationCode",
        "ConfirmationCodeMaxRetriesExceeded",
        "ConfirmationCodeMissing",
        "InvalidMatchingId",
        "EidMismatch",
        "ProfileNotAvailableForNewBinding",
        "ProfileNotReleasedByOperator",
        "ProfileDownloadMaxRetriesExceeded",
    }
)
