"""What goes to a payment gateway and what it answers, in the payment industry's terms."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from payments.states import EventSubject, RefusalKind


@dataclass(frozen=True)
class Card:
    """A card as typed. It lives for one call and is never stored, logged or shown."""

    number: str
    expiry_month: int
    expiry_year: int
    csc: str
    holder: str

    def __repr__(self) -> str:
        return "Card(…)"


@dataclass(frozen=True)
class StoredCard:
    """The parts of a card that may be stored."""

    token: str
    brand: str
    last4: str
    expiry_month: int
    expiry_year: int


@dataclass(frozen=True)
class Authorised:
    """The bank has approved the amount. Nothing is charged yet.

    After `expires_at` nothing can be captured. It is None where the gateway names no end. `method`
    is the card that was used, where the gateway says so.
    """

    gateway_id: str
    expires_at: datetime | None = None
    method: StoredCard | None = None


@dataclass(frozen=True)
class Declined:
    """The bank has refused. The gateway names the reason, and what it means for the method.

    `retry_after` is the gateway's advice: before this time has passed, another try is useless.
    """

    gateway_id: str
    reason: str
    kind: RefusalKind = RefusalKind.LATER
    retry_after: timedelta | None = None


@dataclass(frozen=True)
class CustomerStep:
    """The customer must confirm at `url`. The bank then redirects to the return address by GET."""

    gateway_id: str
    url: str


@dataclass(frozen=True)
class CodeStep:
    """The customer must type the code that the gateway has sent.

    `confirm_code` needs `step_id`. It is empty where the gateway names it only once.
    """

    gateway_id: str
    step_id: str = ""


@dataclass(frozen=True)
class Processing:
    """The gateway has not decided yet. The portal asks again. A code may still be sent."""

    gateway_id: str
    step_id: str = ""


@dataclass(frozen=True)
class Captured:
    """The amount is charged."""

    gateway_id: str


@dataclass(frozen=True)
class VoidedOrRefunded:
    """Nothing is authorised or charged any more: it was voided, has expired, or was refunded."""

    gateway_id: str


# How a payment stands at the gateway.
Standing = (
    Authorised | Declined | CustomerStep | CodeStep | Processing | Captured | VoidedOrRefunded
)


@dataclass(frozen=True)
class Refunded:
    """The money is given back."""

    refund_id: str


@dataclass(frozen=True)
class RefundPending:
    """The gateway has accepted the refund. The bank decides about it later."""

    refund_id: str


@dataclass(frozen=True)
class RefundFailed:
    """The money could not be given back, for example because the account is closed."""

    refund_id: str
    reason: str


RefundStanding = Refunded | RefundPending | RefundFailed


@dataclass(frozen=True)
class HostedPage:
    """A page of the gateway that takes a card. It redirects to the return address by GET."""

    page_id: str
    url: str


@dataclass(frozen=True)
class StillOpen:
    """No card was stored on the page yet."""

    page_id: str


@dataclass(frozen=True)
class NoCard:
    """The page has ended without a card: the customer closed it, or the card was refused."""

    page_id: str
    reason: str


PageStanding = StoredCard | StillOpen | NoCard


@dataclass(frozen=True)
class Event:
    """What a gateway reports. A repeated event has the same `identifier`.

    It only names the payment to ask about, and the dispute or fraud warning by its
    `subject_id`. Its status decides nothing.
    """

    identifier: str
    gateway_id: str
    reference: str
    status: str
    subject: EventSubject = EventSubject.PAYMENT
    subject_id: str = ""
