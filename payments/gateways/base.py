"""The protocol between the portal and a payment gateway, in the payment industry's terms.

Every operation that changes something carries an idempotency key. If it is repeated with the same
key, it takes effect once and gives the same answer. So a lost answer can be recovered.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from moportal.http_client import ServiceUnavailable
from moportal.money import Money
from payments.gateways.disputes import DisputeStanding, FraudWarned
from payments.gateways.entries import EntryPage
from payments.gateways.values import (
    Card,
    Event,
    HostedPage,
    PageStanding,
    RefundStanding,
    Standing,
    StoredCard,
)
from payments.states import CodeVerdict, Initiator


class Ability(StrEnum):
    """What some gateways can do and others cannot.

    An adapter declares its abilities. The portal neither calls nor offers any other ability.
    """

    # `forget`: the gateway keeps stored methods until they are removed there. Any other gateway
    # keeps nothing between two payments.
    STORED_METHODS = "stored_methods"
    # `tokenise`: a form of the portal exchanges a card for a token.
    CARD_ENTRY = "card_entry"
    # `open_page` and `fetch_page`: a page of the gateway takes the card.
    HOSTED_PAGE = "hosted_page"
    # `authorise_on_page`: a page of the gateway takes a card or a wallet, and confirms the amount.
    # The bank asks at most once.
    HOSTED_PAYMENT = "hosted_payment"
    # `authorise` takes a voucher's code as the token. The portal has stored the code sealed.
    VOUCHERS = "vouchers"
    # `authorise` takes a phone number in E.164 as the token, and charges the operator's bill.
    BILL = "bill"
    # `authorise` may answer `CustomerStep`: the customer confirms at the bank.
    BANK_STEP = "bank_step"
    # `authorise` may answer `CodeStep`: the customer types a code that the gateway has sent.
    CODE = "code"
    # A wallet of the device, such as Apple Pay, pays on the gateway's page.
    WALLETS = "wallets"
    # `authorise` takes payments that the operator starts while the customer is away.
    OFF_SESSION = "off_session"
    # `refund` can give back less than what was charged.
    PART_REFUNDS = "part_refunds"
    # `fetch_dispute`, `answer_dispute`, `accept_dispute`, `fetch_fraud_warning`: the gateway
    # reports disputes and early fraud warnings, and takes evidence.
    DISPUTES = "disputes"
    # `fetch_entries`: the gateway lists what it has booked on a day.
    BOOKS = "books"
    # `parse_webhook`: the gateway posts events to the portal.
    PUSH = "push"


class NotOffered(Exception):
    """No gateway of the market has declared this ability."""


class GatewayUnavailable(ServiceUnavailable):
    """The gateway gave no usable answer."""


class GatewayRefused(Exception):
    """The gateway refused for good: asking again cannot help.

    A refused API key is `GatewayUnavailable`: a setting must be corrected, and the customer's card
    is not refused.
    """


class CardRefused(Exception):
    """The gateway refuses this card; `field` names the field to correct, or is empty."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


class WebhookForged(Exception):
    """The posted body does not come from the gateway, or cannot be parsed."""


class Gateway(Protocol):
    """One payment provider. Each call may raise `GatewayUnavailable` or `GatewayRefused`."""

    # Stored with each payment method, at most 20 characters: it never changes.
    name: str
    abilities: frozenset[Ability]
    # How long the gateway answers a repeated key as before. After that time, the portal searches
    # before it repeats a call. None means for ever.
    remembers_keys_for: timedelta | None

    def device_hosts(self) -> frozenset[str]:
        """Return the host names that a customer's device must reach in order to pay.

        They belong on the walled garden's list, and the portal opens a card page on no other host.
        A bank's page may be on any host, so no adapter can list its host.
        """

    def amount_problem(self, amount: Money) -> str:
        """Return why the gateway can never charge this amount, or an empty text."""

    def open_page(self, *, return_url: str, key: str) -> HostedPage:
        """Open a page that takes one card. The same key returns the same page."""

    def fetch_page(self, page_id: str) -> PageStanding:
        """Return the result of a page and change nothing. It never raises `GatewayRefused`."""

    def tokenise(self, card: Card, *, key: str) -> StoredCard:
        """Exchange a card for a token. No money moves. Raises `CardRefused`."""

    def forget(self, token: str, *, key: str) -> None:
        """STORED_METHODS: remove a stored card. A card that is not there counts as removed."""

    def authorise(
        self,
        token: str,
        amount: Money,
        *,
        reference: str,
        return_url: str,
        initiator: Initiator,
        key: str,
    ) -> Standing:
        """Ask the bank to approve the amount. Nothing should be charged yet.

        Some providers charge at once: return `Captured`. The charge pays for the order or is
        refunded.

        OFF_SESSION: never return `CustomerStep` for a payment of the operator, because nobody can
        confirm it. If the bank wants a confirmation, return `Declined` with the kind CUSTOMER.
        """

    def authorise_on_page(
        self, amount: Money, *, reference: str, return_url: str, keep: bool, key: str
    ) -> Standing:
        """HOSTED_PAYMENT: open a page for this payment alone. Return it as `CustomerStep`.

        The page asks for exactly this amount, and redirects to the return address by GET. `fetch`
        then returns `Authorised` with the card that was used. Only with `keep` the card has a
        token, and can be charged again. If nobody pays on the page in time, `fetch` returns
        `Declined` with the kind CUSTOMER. `void` ends the page at once.
        """

    def fetch(self, gateway_id: str) -> Standing:
        """Return how a payment stands, and change nothing. It never raises `GatewayRefused`."""

    def confirm_code(self, gateway_id: str, step_id: str, code: str, *, key: str) -> CodeVerdict:
        """CODE: send the code that the customer typed. `fetch` then says how the payment stands.

        If a right code is sent again, it is still right. Never raises `GatewayRefused`.
        """

    def capture(self, gateway_id: str, *, key: str) -> None:
        """Charge what was authorised."""

    def void(self, gateway_id: str, *, key: str) -> None:
        """Cancel an authorisation."""

    def find(self, *, reference: str, key: str, since: datetime) -> Standing | None:
        """Search for the payment that `authorise` made with this reference and key.

        `since` is when the portal stored the payment, for a gateway that lists payments by time.
        Returns None if there is no such payment. Changes nothing, and never raises
        `GatewayRefused`.
        """

    def refund(self, gateway_id: str, amount: Money, *, key: str) -> RefundStanding:
        """Give back the amount, which is all or, with `PART_REFUNDS`, a part of the charge.

        Raises `GatewayRefused` for more than what is left of the charge.
        """

    def find_refund(self, gateway_id: str, *, key: str) -> RefundStanding | None:
        """Search for the refund of this payment that was made with this key.

        Returns None if there is no such refund. Changes nothing, and never raises `GatewayRefused`.
        """

    def fetch_dispute(self, dispute_id: str) -> DisputeStanding | None:
        """DISPUTES: return how a dispute or an inquiry stands, and change nothing.

        Returns None if the gateway has no such dispute. Never raises `GatewayRefused`.
        """

    def answer_dispute(self, dispute_id: str, evidence: Mapping[str, str], *, key: str) -> None:
        """DISPUTES: send the evidence to the bank. It maps each section's name to its text."""

    def accept_dispute(self, dispute_id: str, *, key: str) -> None:
        """DISPUTES: leave the money to the customer. The dispute is lost then."""

    def fetch_fraud_warning(self, warning_id: str) -> FraudWarned | None:
        """DISPUTES: return an early fraud warning, or None if the gateway has no such warning.

        It changes nothing and never raises `GatewayRefused`.
        """

    def fetch_entries(self, day: date, *, after: str) -> EntryPage:
        """BOOKS: return what the gateway has booked on this day, page by page.

        For each payout of the day, also return the entries that it pays, with the payout's id.
        `after` is empty for the first page. Changes nothing, and never raises `GatewayRefused`.
        """

    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> Event:
        """Parse what the gateway posts to the portal. Raises `WebhookForged`."""


class WithoutDisputes:
    """The base of an adapter without DISPUTES. The portal never calls these methods."""

    def fetch_dispute(self, dispute_id: str) -> DisputeStanding | None:
        """Raise `NotOffered`."""
        raise NotOffered(Ability.DISPUTES)

    def answer_dispute(self, dispute_id: str, evidence: Mapping[str, str], *, key: str) -> None:
        """Raise `NotOffered`."""
        raise NotOffered(Ability.DISPUTES)

    def accept_dispute(self, dispute_id: str, *, key: str) -> None:
        """Raise `NotOffered`."""
        raise NotOffered(Ability.DISPUTES)

    def fetch_fraud_warning(self, warning_id: str) -> FraudWarned | None:
        """Raise `NotOffered`."""
        raise NotOffered(Ability.DISPUTES)


class WithoutCode:
    """The base of an adapter whose gateway sends no codes."""

    def confirm_code(self, gateway_id: str, step_id: str, code: str, *, key: str) -> CodeVerdict:
        """Raise `NotOffered`."""
        raise NotOffered(Ability.CODE)


class WithoutBooks:
    """The base of an adapter whose gateway does not list what it has booked."""

    def fetch_entries(self, day: date, *, after: str) -> EntryPage:
        """Raise `NotOffered`."""
        raise NotOffered(Ability.BOOKS)


class WithoutHostedPayment:
    """The base of an adapter that takes any amount and has no page for payments."""

    def amount_problem(self, amount: Money) -> str:
        """Return an empty text: the gateway takes any amount."""
        return ""

    def authorise_on_page(
        self, amount: Money, *, reference: str, return_url: str, keep: bool, key: str
    ) -> Standing:
        """Raise `NotOffered`."""
        raise NotOffered(Ability.HOSTED_PAYMENT)


class WithoutMethods(WithoutDisputes, WithoutBooks, WithoutHostedPayment):
    """The base of an adapter without card pages, card entry, stored methods or webhooks.

    The portal never calls the methods of an ability that the adapter has not declared.
    """

    def device_hosts(self) -> frozenset[str]:
        """Return no host: without a page, the portal's servers alone call the gateway."""
        return frozenset()

    def open_page(self, *, return_url: str, key: str) -> HostedPage:
        """Raise `NotOffered`."""
        raise NotOffered(Ability.HOSTED_PAGE)

    def fetch_page(self, page_id: str) -> PageStanding:
        """Raise `NotOffered`."""
        raise NotOffered(Ability.HOSTED_PAGE)

    def tokenise(self, card: Card, *, key: str) -> StoredCard:
        """Raise `NotOffered`."""
        raise NotOffered(Ability.CARD_ENTRY)

    def forget(self, token: str, *, key: str) -> None:
        """Raise `NotOffered`."""
        raise NotOffered(Ability.STORED_METHODS)

    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> Event:
        """Raise `NotOffered`."""
        raise NotOffered(Ability.PUSH)
