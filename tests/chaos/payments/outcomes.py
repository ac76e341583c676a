"""What a run needs of each gateway: a class that says how its simulator makes each outcome."""

import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

import httpx

from tests.chaos.payments.books import AtGateway

SECRET = "a secret of the payments' run"


class Treated(StrEnum):
    """What the gateway, the bank and the customer do with a payment."""

    APPROVED = "approved"
    CHARGED_AT_ONCE = "charged at once"
    REFUSED_FOR_GOOD = "refused for good"
    REFUSED_FOR_NOW = "refused for now"
    REFUSED_WITHOUT_THE_CUSTOMER = "refused without the customer"
    STEP_APPROVED = "the customer confirms"
    STEP_REFUSED = "the customer refuses"
    STEP_LEFT = "the customer leaves"
    SLOW_REFUND = "a refund takes its time"
    NO_REFUND = "a refund fails"
    PAGE_PAID = "the customer pays on the gateway's page"
    PAGE_LEFT = "the customer leaves the gateway's page"
    DISPUTED = "the bank disputes the charge at once"


# The body and the headers of an event.
Letter = tuple[bytes, Mapping[str, str]]


@dataclass(frozen=True)
class Method:
    """A stored method: the columns of the portal's row."""

    token: str
    kind: str = "card"
    last4: str = "4242"
    brand: str = "Visa"
    expiry_month: int | None = 12
    expiry_year: int | None = 2060
    is_kept: bool = True


class Outcomes(Protocol):
    """One gateway with its simulator, at this address and with this file as its store."""

    # The adapter's class, and the simulator's module.
    adapter: str
    simulator: str
    name: str
    treated: tuple[Treated, ...]
    has_disputes: bool
    # The functions of the simulator that can be made to fail.
    functions: tuple[str, ...]

    def __init__(self, address: str, store: Path) -> None: ...

    def settings(self) -> dict[str, str]:
        """Return the portal's variables for this gateway."""

    def options(self, webhook: str) -> list[str]:
        """Return the simulator's options. It posts its events to `webhook`."""

    def add_method(self, treated: Treated, amount: int, currency: str) -> Method:
        """Return a new method that is treated like this when it pays the amount."""

    def decide(self, url: str, *, approves: bool) -> None:
        """Let the customer confirm or refuse where the payment sent them."""

    def end_refunds(self) -> None:
        """Let the bank decide about half of the refunds that wait for it, and refuse the rest."""

    def code(self, gateway_id: str) -> str:
        """Return the code that was sent for a payment."""

    def dispute(self, gateway_id: str) -> None:
        """Let the bank dispute a charge."""

    def end_disputes(self) -> None:
        """Let the bank decide every dispute that is open: half of them are won."""

    def let_days_pass(self) -> None:
        """Forget every key, and let lapse what does not last three days."""

    def books(self) -> list[AtGateway]:
        """Return the gateway's books, as they are stored."""

    def foreign_event(self) -> Letter:
        """Return a signed event about a payment that is not the portal's."""

    def event_of_another_account(self) -> Letter | None:
        """Return a signed event of another account with the gateway, or None if it has one."""

    def sign_again(self, letter: Letter) -> Letter:
        """Return the event as the gateway delivers it once more."""

    def events(self) -> list[Letter]:
        """Return every event that the gateway has sent, so that none is lost on its way."""


def query(store: Path, statement: str) -> list[dict[str, Any]]:
    """Return the rows of a query to a simulator's store."""
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(statement)]


def post(url: str, **content: Any) -> dict[str, Any]:
    """Post JSON to a simulator under a new key, and return its answer."""
    headers = {"Idempotency-Key": secrets.token_hex(8)}
    answer = httpx.post(url, json=content, headers=headers, trust_env=False, timeout=30)
    found: dict[str, Any] = answer.raise_for_status().json()
    return found
