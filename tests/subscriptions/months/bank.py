"""A gateway and a network in the test's own process, with books that a test reads.

The gateway forgets keys after a day, and its authorisations lapse after a week.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from django.utils.timezone import now

from moportal.money import Money
from payments.gateways.base import (
    Ability,
    GatewayRefused,
    GatewayUnavailable,
    WithoutCode,
    WithoutMethods,
)
from payments.gateways.disputes import DisputeStanding
from payments.gateways.values import (
    Authorised,
    Captured,
    Declined,
    Refunded,
    RefundStanding,
    Standing,
    VoidedOrRefunded,
)
from payments.states import DisputeKind, DisputeState, Initiator, RefusalKind
from subscriptions.networks.base import NetworkUnavailable, Service
from subscriptions.networks.warm import AlwaysWarm

Answer = TypeVar("Answer")
REMEMBERS_KEYS_FOR = timedelta(hours=24)
AUTHORISED_FOR = timedelta(days=7)
ADVICE = timedelta(days=3)


class Refusal(StrEnum):
    """Why a bank refuses a card."""

    FOR_NOW = "for_now"
    WITH_ADVICE = "with_advice"
    WANTS_CUSTOMER = "wants_customer"
    FOR_GOOD = "for_good"


KINDS = {
    Refusal.FOR_NOW: RefusalKind.LATER,
    Refusal.WITH_ADVICE: RefusalKind.LATER,
    Refusal.WANTS_CUSTOMER: RefusalKind.CUSTOMER,
    Refusal.FOR_GOOD: RefusalKind.FINAL,
}


@dataclass(frozen=True)
class BankCard:
    """A card, and the times in which its bank refuses it."""

    token: str
    refusal: Refusal = Refusal.FOR_NOW
    bad: tuple[tuple[datetime, datetime], ...] = ()

    def refuses(self, at: datetime) -> bool:
        return any(start <= at < end for start, end in self.bad)


@dataclass
class Entry:
    """A payment in the gateway's books."""

    gateway_id: str
    key: str
    token: str
    reference: str
    amount: Money
    made_at: datetime
    status: str = "authorised"
    captured_at: datetime | None = None
    # What was given back, by the key of each refund.
    refunds: dict[str, int] = field(default_factory=dict)

    @property
    def refunded(self) -> int:
        return sum(self.refunds.values())

    @property
    def standing(self) -> Standing:
        if self.status == "captured" and self.refunded < self.amount.minor_units:
            return Captured(self.gateway_id)
        expires_at = self.made_at + AUTHORISED_FOR
        if self.status == "authorised" and now() < expires_at:
            return Authorised(self.gateway_id, expires_at)
        if self.status == "authorised":
            self.status = "voided"
        return VoidedOrRefunded(self.gateway_id)


@dataclass
class Books:
    """What the gateway and the network have done, and what goes wrong with them."""

    cards: dict[str, BankCard] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    # When the bank refused which card: token and time.
    refusals: list[tuple[str, datetime]] = field(default_factory=list)
    disputes: dict[str, DisputeStanding] = field(default_factory=dict)
    services: dict[str, dict[Any, Any]] = field(default_factory=dict)
    away: tuple[tuple[datetime, datetime], ...] = ()
    # The numbers of the calls whose answers are lost although the work is done.
    lost: frozenset[int] = frozenset()
    calls: int = 0
    # A worker may die before and after each call. Without a worker nothing goes wrong.
    at_barrier: Callable[[], None] | None = None

    def dispute(self, gateway_id: str, amount: Money, *, is_fraud: bool) -> str:
        """Take this amount of a charge back, and return the dispute's name."""
        name, state = f"D{len(self.disputes)}", DisputeState.OPENED
        sums = (amount, amount, Money(0, amount.currency))
        of_kind = (name, gateway_id, DisputeKind.DISPUTE, state, "as the bank says", is_fraud)
        self.disputes[name] = DisputeStanding(*of_kind, *sums)
        return name

    def decide(self, name: str, state: DisputeState) -> None:
        """Let a dispute be won, so that its amount comes back, or lost."""
        known = self.disputes[name]
        nothing = Money(0, known.amount.currency)
        taken = nothing if state == DisputeState.WON else known.amount
        self.disputes[name] = replace(known, state=state, taken=taken)

    def is_away(self, at: datetime) -> bool:
        return any(start <= at < end for start, end in self.away)

    def answer(
        self,
        work: Callable[[], Answer],
        unavailable: Callable[..., Exception],
        *,
        may_be_away: bool,
    ) -> Answer:
        if self.at_barrier is None:
            return work()
        self.at_barrier()
        if may_be_away and self.is_away(now()):
            raise unavailable("away", was_sent=False)
        self.calls += 1
        call, answer = self.calls, work()
        self.at_barrier()
        if call in self.lost:
            raise unavailable("lost", was_sent=True)
        return answer


BOOKS = Books()


def open_books(**of_books: Any) -> Books:
    """Begin with empty books, and return them."""
    BOOKS.__dict__.update(Books(**of_books).__dict__)
    return BOOKS


class Bank(WithoutCode, WithoutMethods):
    """The gateway."""

    name = "bank"
    abilities = frozenset(
        {
            *(Ability.STORED_METHODS, Ability.OFF_SESSION, Ability.CARD_ENTRY),
            *(Ability.PART_REFUNDS, Ability.DISPUTES),
        }
    )
    remembers_keys_for: timedelta | None = REMEMBERS_KEYS_FOR

    def device_hosts(self) -> frozenset[str]:
        return frozenset()

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
        def work() -> Standing:
            known = [entry for entry in BOOKS.entries if entry.key == key]
            if known and now() - known[-1].made_at < REMEMBERS_KEYS_FOR:
                return _shown(known[-1])
            entry = Entry(f"P{len(BOOKS.entries)}", key, token, reference, amount, now())
            BOOKS.entries.append(entry)
            if BOOKS.cards[token].refuses(now()):
                entry.status = "declined"
                BOOKS.refusals.append((token, now()))
            return _shown(entry)

        return self._answer(work)

    def find(self, *, reference: str, key: str, since: datetime) -> Standing | None:
        def work() -> Standing | None:
            known = [entry for entry in BOOKS.entries if entry.key == key]
            return _shown(known[-1]) if known else None

        return self._answer(work)

    def fetch(self, gateway_id: str) -> Standing:
        return self._answer(lambda: _shown(_entry(gateway_id)))

    def capture(self, gateway_id: str, *, key: str) -> None:
        def work() -> None:
            entry = _entry(gateway_id)
            if not isinstance(entry.standing, Authorised | Captured):
                raise GatewayRefused(f"capture: {entry.status}")
            if entry.status == "authorised":
                entry.status, entry.captured_at = "captured", now()

        self._answer(work)

    def void(self, gateway_id: str, *, key: str) -> None:
        def work() -> None:
            entry = _entry(gateway_id)
            if entry.status == "captured":
                raise GatewayRefused("void: captured")
            entry.status = "voided"

        self._answer(work)

    def refund(self, gateway_id: str, amount: Money, *, key: str) -> RefundStanding:
        def work() -> RefundStanding:
            entry = _entry(gateway_id)
            rest = entry.amount.minor_units - entry.refunded
            if key not in entry.refunds and amount.minor_units > rest:
                raise GatewayRefused(f"refund: {rest} is left")
            entry.refunds[key] = amount.minor_units
            return Refunded(f"R-{key}")

        return self._answer(work)

    def find_refund(self, gateway_id: str, *, key: str) -> RefundStanding | None:
        def work() -> RefundStanding | None:
            return Refunded(f"R-{key}") if key in _entry(gateway_id).refunds else None

        return self._answer(work)

    def fetch_dispute(self, dispute_id: str) -> DisputeStanding | None:
        return self._answer(lambda: BOOKS.disputes[dispute_id])

    def _answer(self, work: Callable[[], Answer]) -> Answer:
        return BOOKS.answer(work, GatewayUnavailable, may_be_away=True)


class Network(AlwaysWarm):
    """The network: what it serves until when, by the highest sequence number of each part."""

    def activate(self, service: Service) -> None:
        self._set(service.reference, service.sequence, service.iccid, **{service.iccid: True})

    def deactivate(self, reference: str, iccid: str, *, sequence: int) -> None:
        self._set(reference, sequence, iccid, **{iccid: False})

    def end(self, reference: str) -> None:
        self._set(reference, 0, "ended", ended=True)

    def renew(
        self, reference: str, *, sequence: int, period: int, until: datetime, plan: str
    ) -> None:
        self._set(reference, sequence, "renewed", until=until, period=period, plan=plan)

    def suspend(self, reference: str, *, sequence: int) -> None:
        self._set(reference, sequence, "switched", suspended=True)

    def resume(self, reference: str, *, sequence: int) -> None:
        self._set(reference, sequence, "switched", suspended=False)

    def _set(self, reference: str, sequence: int, part: str, **values: Any) -> None:
        def work() -> None:
            service = BOOKS.services.setdefault(reference, {})
            if sequence >= service.get((part, "sequence"), 0):
                service |= values
                service[part, "sequence"] = sequence

        BOOKS.answer(work, NetworkUnavailable, may_be_away=False)


def _entry(gateway_id: str) -> Entry:
    return next(entry for entry in BOOKS.entries if entry.gateway_id == gateway_id)


def _shown(entry: Entry) -> Standing:
    if entry.status != "declined":
        return entry.standing
    refusal = BOOKS.cards[entry.token].refusal
    advice = ADVICE if refusal == Refusal.WITH_ADVICE else None
    return Declined(entry.gateway_id, refusal, KINDS[refusal], advice)
