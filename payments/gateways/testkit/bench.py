"""The checks of the kit, and the controls that they need of a gateway's test system."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol, TypeVar

from moportal.money import Money
from payments.gateways.base import Ability, Gateway, GatewayRefused, GatewayUnavailable
from payments.gateways.values import Authorised, Card, Standing
from payments.states import DisputeKind, Initiator

Kind = TypeVar("Kind")
PRICE = Money(1900, "USD")
RETURN_URL = "http://127.0.0.1/returned/"


class KitFailure(AssertionError):
    """The adapter breaks the protocol. The message says where."""


class Treated(StrEnum):
    """How the test system's bank treats a stored method."""

    APPROVED = "approved"
    REFUSED_FOR_GOOD = "refused_for_good"
    REFUSED_FOR_NOW = "refused_for_now"
    REFUSED_WITHOUT_THE_CUSTOMER = "refused_without_the_customer"
    BANK_STEP = "bank_step"
    # OFF_SESSION: approved if the customer starts the payment. Otherwise the bank wants a
    # confirmation.
    BANK_STEP_OFF_SESSION = "bank_step_off_session"
    CODE_STEP = "code_step"


class Bench(Protocol):
    """The controls of the gateway's test system. Each method serves the abilities that it names."""

    gateway: Gateway

    def token(self, treated: Treated, currency: str = PRICE.currency) -> str:
        """Return the token of a new stored method that the bank treats in this way.

        An approved one can pay any amount of the kit in this currency.
        """

    def card(self) -> Card:
        """CARD_ENTRY: return a card that the gateway accepts."""

    def type_card(self, url: str) -> None:
        """HOSTED_PAGE: type a card that the gateway accepts on its page."""

    def pay(self, url: str) -> None:
        """HOSTED_PAYMENT: pay on the gateway's page with a card that the bank approves."""

    def decide(self, url: str, *, approves: bool) -> None:
        """BANK_STEP: approve or refuse on the bank's page."""

    def typed_code(self, gateway_id: str, *, is_right: bool) -> str:
        """CODE: return the code that the gateway has sent for this payment, or a wrong one."""

    def event(self, gateway_id: str) -> tuple[bytes, Mapping[str, str]]:
        """PUSH: return the body and the headers of an event about the payment."""

    def dispute(self, gateway_id: str, *, kind: DisputeKind, is_fraud: bool = False) -> str:
        """DISPUTES: let the bank dispute the whole charge, and return the dispute's id."""

    def end_dispute(self, dispute_id: str, *, is_won: bool) -> None:
        """DISPUTES: let the bank decide."""

    def warn_of_fraud(self, gateway_id: str) -> str:
        """DISPUTES: let the bank warn of fraud, and return the warning's id."""

    def booked_day(self) -> date:
        """BOOKS: wait until the gateway has booked what was done, and return the day there."""


@dataclass(frozen=True)
class Check:
    """One promise of the protocol. `run` raises `KitFailure` where it is broken."""

    run: Callable[[Bench], None]
    # None: the check applies to every adapter.
    needs: Ability | None

    def __str__(self) -> str:
        return self.run.__name__


CHECKS: list[Check] = []
Run = Callable[[Bench], None]


def register_check(needs: Ability | None = None) -> Callable[[Run], Run]:
    """Add the function to the checks."""

    def add(run: Run) -> Run:
        CHECKS.append(Check(run, needs))
        return run

    return add


def expect(is_kept: bool, promise: str) -> None:  # noqa: FBT001 -- reads like `assert`
    """Raise `KitFailure` with the promise unless it is kept. It also works with `python -O`."""
    if not is_kept:
        raise KitFailure(promise)


def expect_type(found: object, wanted: type[Kind], promise: str) -> Kind:
    """Return what was found, or raise `KitFailure` if it is not of this type."""
    if not isinstance(found, wanted):
        raise KitFailure(f"{promise}: {found!r}")
    return found


def expect_refusal(call: Callable[[], object], promise: str) -> None:
    """Raise `KitFailure` unless the call raises `GatewayRefused`."""
    _expect_error(call, GatewayRefused, promise)


def expect_no_answer(call: Callable[[], object], promise: str) -> None:
    """Raise `KitFailure` unless the call raises `GatewayUnavailable`."""
    _expect_error(call, GatewayUnavailable, promise)


def _expect_error(call: Callable[[], object], wanted: type[Exception], promise: str) -> None:
    try:
        answer = call()
    except wanted:
        return
    raise KitFailure(f"{promise}: {answer!r}")


def new_key() -> str:
    return str(uuid.uuid4())


def authorise(
    bench: Bench,
    treated: Treated = Treated.APPROVED,
    *,
    amount: Money = PRICE,
    key: str = "",
    token: str = "",
    initiator: Initiator = Initiator.CUSTOMER,
) -> Standing:
    """Ask for an amount, under a new key unless one is given."""
    key, token = key or new_key(), token or bench.token(treated, amount.currency)
    return bench.gateway.authorise(
        token,
        amount,
        reference=key[:20],
        return_url=RETURN_URL,
        initiator=initiator,
        key=key,
    )


def authorised(bench: Bench, *, amount: Money = PRICE) -> str:
    """Return the id of a payment that the bank has approved."""
    standing = authorise(bench, amount=amount)
    return expect_type(standing, Authorised, "an approved method is authorised").gateway_id


def captured(bench: Bench, *, amount: Money = PRICE) -> str:
    """Return the id of a payment that is charged."""
    gateway_id = authorised(bench, amount=amount)
    bench.gateway.capture(gateway_id, key=new_key())
    return gateway_id
