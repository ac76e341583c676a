"""The handoff's own words, spelled as the source documents spell them (seeds 002 and 004)."""

from enum import StrEnum


class UserAccount(StrEnum):
    """What came of the customer's account in this visit."""

    NEW = "New"
    EXISTING = "Existing"
    BAILED = "Bailed"
    NONE = "None"


class PurchaseInstrument(StrEnum):
    """What came of the payment method."""

    NEW = "New"
    EXISTING = "Existing"
    BAILED = "Bailed"
    NONE = "None"


class LineResult(StrEnum):
    """What came of the line."""

    NEW = "New"
    EXISTING = "Existing"
    BAILED = "Bailed"
    NONE = "None"


class MoDirectStatus(StrEnum):
    """How the visit ended, seen from the operator's systems."""

    COMPLETE = "Complete"
    SERVICE_ERROR = "ServiceError"
    INVALID_SIM = "InvalidSIM"
    LOG_ON_FAILED = "LogOnFailed"
    PURCHASE_FAILED = "PurchaseFailed"
    CLIENT_ERROR = "ClientError"
    # Written only where the operator sets it (contract, section 4).
    BILLING_ERROR = "BillingError"
    NONE = "None"


# A text of the host's that is kept for support is cut to this many characters.
LONGEST_TEXT = 60


class LpaCode(StrEnum):
    """What came of a download. The first 29 stand in the order of their numbers, 0 to 28."""

    SUCCESS = "Success"
    NOT_AUTHORIZED = "NotAuthorized"
    NOT_FOUND = "NotFound"
    POLICY_VIOLATION = "PolicyViolation"
    INSUFFICIENT_SPACE_ON_CARD = "InsufficientSpaceOnCard"
    SERVER_FAILURE = "ServerFailure"
    SERVER_NOT_REACHABLE = "ServerNotReachable"
    TIMEOUT_WAITING_FOR_USER_CONSENT = "TimeoutWaitingForUserConsent"
    INCORRECT_CONFIRMATION_CODE = "IncorrectConfirmationCode"
    CONFIRMATION_CODE_MAX_RETRIES_EXCEEDED = "ConfirmationCodeMaxRetriesExceeded"
    CARD_REMOVED = "CardRemoved"
    CARD_BUSY = "CardBusy"
    OTHER = "Other"
    CARD_GENERAL_FAILURE = "CardGeneralFailure"
    CONFIRMATION_CODE_MISSING = "ConfirmationCodeMissing"
    INVALID_MATCHING_ID = "InvalidMatchingId"
    NO_ELIGIBLE_PROFILE_FOR_THIS_DEVICE = "NoEligibleProfileForThisDevice"
    OPERATION_ABORTED = "OperationAborted"
    EID_MISMATCH = "EidMismatch"
    PROFILE_NOT_AVAILABLE_FOR_NEW_BINDING = "ProfileNotAvailableForNewBinding"
    PROFILE_NOT_RELEASED_BY_OPERATOR = "ProfileNotReleasedByOperator"
    OPERATION_PROHIBITED_BY_PROFILE_CLASS = "OperationProhibitedByProfileClass"
    PROFILE_NOT_PRESENT = "ProfileNotPresent"
    NO_CORRESPONDING_REQUEST = "NoCorrespondingRequest"
    TIMEOUT_WAITING_FOR_RESPONSE = "TimeoutWaitingForResponse"
    ICCID_ALREADY_EXISTS = "IccidAlreadyExists"
    PROFILE_PROCESSING_ERROR = "ProfileProcessingError"
    SERVER_NOT_TRUSTED = "ServerNotTrusted"
    PROFILE_DOWNLOAD_MAX_RETRIES_EXCEEDED = "ProfileDownloadMaxRetriesExceeded"
    # The app's own, without a number.
    UNKNOWN_ERROR = "unknownError"
    LPA_INITIALIZATION_ERROR = "lpaInitializationError"
    MODEM_NOT_FOUND = "modemNotFound"
    LOCAL_SETTINGS_ACCESS_FAILED = "localSettingsAccessFailed"
    INVALID_JSON = "invalidJson"
    INVALID_CALLBACK = "invalidCallback"
    INVALID_ACTIVATION_CODE = "invalidActivationCode"
    INVALID_ICCID = "invalidIccid"

    @property
    def number(self) -> int | None:
        """Return Windows' own number of the status; the app's results have none."""
        place = list(LpaCode).index(self)
        return place if place < NUMBERED else None


NUMBERED = 29
