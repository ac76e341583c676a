"""How a download can fail: what the device reports, and what the SM-DP+ makes of it.

A device names its failure in the words of Windows' ESimOperationStatus. Where the SM-DP+ takes
part in it, it learns of it as a failed check or as the reason of a cancelled session, and the
order ends in Error with the point and the code that HandleDownloadProgressInfo tells (SGP.22
v2.2, 3.1.3 and 5.3.5). Where only the device knows, nothing moves and nothing is told.
"""

from dataclasses import dataclass

ELIGIBILITY = "eligibility"
CONFIRMATION_CODE = "confirmationCode"
DOWNLOAD = "download"
INSTALLATION = "installation"


@dataclass(frozen=True)
class Reason:
    """Why the SM-DP+ ends an order; at the installation, the package was delivered before."""

    point: str
    code: str
    message: str


TOO_MANY_DOWNLOADS = Reason(ELIGIBILITY, "8.8.5/6.4", "the download was tried too often")
TOO_MANY_CODES = Reason(CONFIRMATION_CODE, "8.2.7/6.4", "too many wrong confirmation codes")

# The keys from endUserRejection on are the CancelSession reasons of 5.7.14, the others our own.
# The standard does not say which point a cancelled session is told under. Here it is the one that
# was not passed: before the package is sent the download, after it the installation.
REASONS = {
    "insufficientMemory": Reason(ELIGIBILITY, "8.1/4.8", "the eUICC is full"),
    "noEligibleProfile": Reason(ELIGIBILITY, "8.2.5/4.3", "no profile fits this device"),
    "orderExpired": Reason(ELIGIBILITY, "8.8.5/4.10", "the download order has expired"),
    "endUserRejection": Reason(DOWNLOAD, "8.8.5/3.8", "the user has rejected the download"),
    "pprNotAllowed": Reason(DOWNLOAD, "8.2.8/1.2", "the profile policy rules are not allowed"),
    "undefinedReason": Reason(DOWNLOAD, "8/4.2", "the session was cancelled"),
    "metadataMismatch": Reason(INSTALLATION, "8.2.9/3.11", "the metadata has changed"),
    "loadBppExecutionError": Reason(INSTALLATION, "8.2.10/4.2", "the profile did not load"),
}
# Sessions cancelled for these stay as they are and are not told: the device may come again.
UNTOLD_REASONS = frozenset({"postponed", "timeout"})

# Every name a device may be told to fail with, and the reason the SM-DP+ learns (or none).
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
# What the SM-DP+ finds out for itself; a device cannot be told to fail so, only be led to it.
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
