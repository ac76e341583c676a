"""The host's fixed words, as Microsoft spells them: values of the handoff, and LPA codes."""

from enum import StrEnum


class UserAccount(StrEnum):
    """How far the customer got with an account in this visit."""

    NEW = "New"
    EXISTING = "Existing"
    BAILED = "Bailed"
    NONE = "None"


class PurchaseInstrument(StrEnum):
    """How far the customer got with a payment method in this visit."""

    NEW = "New"
    EXISTING = "Existing"
    BAILED = "Bailed"
    NONE = "None"


class LineResult(StrEnum):
    """How far the customer got with a line in this visit."""

    NEW = "New"
    EXISTING = "Existing"
    BAILED = "Bailed"
    NONE = "None"


class MoDirectStatus(StrEnum):
    """How the visit ended, as the operator's systems see it."""

    COMPLETE = "Complete"
    # One of the operator's systems failed: the SM-DP+, the gateway or the network.
    SERVICE_ERROR = "ServiceError"
    # The EID or ICCID is wrong, or is not this operator's.
    INVALID_SIM = "InvalidSIM"
    # Signing in failed too often (SIGN_IN_LIMIT).
    LOG_ON_FAILED = "LogOnFailed"
    # The payment was refused.
    PURCHASE_FAILED = "PurchaseFailed"
    # The host's launch address is wrong.
    CLIENT_ERROR = "ClientError"
    # Written only if the operator's settings ask for it (docs/contract.md#handoff).
    BILLING_ERROR = "BillingError"
    NONE = "None"


# Texts from the host that are kept for support are cut to this many characters.
LONGEST_TEXT = 60
# How many of the `LpaCode`s are Windows' own. The app has added the others.
WINDOWS_CODES = 29


class LpaCode(StrEnum):
    """The result of a download. The first 29 are in the order of Windows' numbers, 0 to 28."""

    # Their order is their number: never sort them, and insert none between them.
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
    # The Mobile Plans app adds these. They have no number.
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
        """Return Windows' number of the status, or None for a result that the app adds."""
        position = list(LpaCode).index(self)
        return position if position < WINDOWS_CODES else None
