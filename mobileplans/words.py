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
