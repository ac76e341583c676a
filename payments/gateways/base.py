"""What a payment gateway must be able to do, in words of its own trade.

Every operation that changes something carries our key: repeated with the same key it has its
effect once and gives the same answer. An answer that never came is asked for again that way.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from moportal.http_client import ServiceUnavailable
from moportal.money import Money


class GatewayUnavailable(ServiceUnavailable):
    """No useful answer of the gateway."""


class GatewayRefused(Exception):
    """The gateway said no for good: asking again cannot help."""


class CardRefused(Exception):
    """The gateway will not take this card; `field` is the one to correct."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


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
    """What may be kept of a card."""

    token: str
    brand: str
    last4: str
    expiry_month: int
    expiry_year: int


@dataclass(frozen=True)
class Authorised:
    """The amount is held for us; nothing is charged yet."""

    gateway_id: str


@dataclass(frozen=True)
class Declined:
    """The bank said no, for this reason of the gateway's."""

    gateway_id: str
    reason: str


@dataclass(frozen=True)
class CustomerStep:
    """The customer must confirm at this address and comes back by GET to our return address."""

    gateway_id: str
    url: str


@dataclass(frozen=True)
class Captured:
    """The amount is charged."""

    gateway_id: str


@dataclass(frozen=True)
class LetGo:
    """Nothing is held and nothing was charged: it was voided, has run out, or was given back."""

    gateway_id: str


Standing = Authorised | Declined | CustomerStep | Captured | LetGo


@dataclass(frozen=True)
class HostedPage:
    """A page of the gateway's that takes a card; the customer comes back from it by GET."""

    page_id: str
    url: str


@dataclass(frozen=True)
class StillOpen:
    """No card was taken on the page yet."""

    page_id: str


@dataclass(frozen=True)
class NoCard:
    """The page has ended without a card: the customer closed it, or the card was refused there."""

    page_id: str
    reason: str


PageStanding = StoredCard | StillOpen | NoCard


class WebhookForged(Exception):
    """What was posted to us does not come from the gateway, or cannot be read."""


@dataclass(frozen=True)
class Event:
    """What a gateway tells of a payment. `identifier` is the fact's own: told twice, the same.

    It only says where to look: nothing is decided by what it claims.
    """

    identifier: str
    gateway_id: str
    reference: str
    status: str


class Gateway(Protocol):
    """One payment provider. Each method may raise `GatewayUnavailable` or `GatewayRefused`."""

    def open_page(self, *, return_url: str, key: str) -> HostedPage:
        """Open a page that takes one card; asked again with the same key, it is the same page."""

    def fetch_page(self, page_id: str) -> PageStanding:
        """Say what has become of a page; changes nothing, and never refuses for good."""

    def tokenise(self, card: Card, *, key: str) -> StoredCard:
        """Exchange a card for a token; raises `CardRefused`. No money moves."""

    def forget(self, token: str, *, key: str) -> None:
        """Remove a stored card; one that is not there any more is removed."""

    def authorise(
        self, token: str, amount: Money, *, reference: str, return_url: str, key: str
    ) -> Authorised | Declined | CustomerStep:
        """Hold the amount on the card."""

    def fetch(self, gateway_id: str) -> Standing:
        """Say how a payment stands at this moment; changes nothing, and never refuses for good."""

    def capture(self, gateway_id: str, *, key: str) -> None:
        """Charge what was authorised."""

    def void(self, gateway_id: str, *, key: str) -> None:
        """Let go of what was authorised."""

    def refund(self, gateway_id: str, *, key: str) -> None:
        """Give back the whole of what was charged."""

    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> Event:
        """Read what the gateway posts to us; raises `WebhookForged`."""
