"""What a run needs of each gateway: one small class says how its simulator makes each outcome."""

import itertools
import json
import secrets
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Protocol

import httpx

from simulators.payment.server import signed
from tests.chaos.payments.books import AtGateway, Refund

SECRET = "a secret of the payments' run"
_serial = itertools.count(1)


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


@dataclass(frozen=True)
class Method:
    """A stored method: the columns of the portal's row."""

    token: str
    kind: str = "card"
    last4: str = "4242"
    brand: str = "Visa"
    expiry_month: int | None = 12
    expiry_year: int | None = 2060


class Outcomes(Protocol):
    """One gateway with its simulator, at this address and with this file as its store."""

    # The adapter's class, and the simulator's module.
    adapter: str
    simulator: str
    name: str
    treated: tuple[Treated, ...]
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

    def let_days_pass(self) -> None:
        """Forget every key, and let lapse what does not last three days."""

    def books(self) -> list[AtGateway]:
        """Return the gateway's books, as they are stored."""

    def foreign_event(self) -> tuple[bytes, Mapping[str, str]]:
        """Return a signed event about a payment that is not the portal's."""


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


class Simulator:
    """The payment simulator."""

    adapter = "payments.gateways.simulator.SimulatorGateway"
    simulator, name = "payment", "simulator"
    cards: ClassVar[dict[Treated, str]] = {
        Treated.APPROVED: "4242424242424242",
        Treated.CHARGED_AT_ONCE: "4000000000000077",
        Treated.REFUSED_FOR_GOOD: "4000000000009979",
        Treated.REFUSED_FOR_NOW: "4000000000009995",
        Treated.REFUSED_WITHOUT_THE_CUSTOMER: "4000000000000127",
        Treated.STEP_APPROVED: "4000002760003184",
        Treated.STEP_REFUSED: "4000002760003184",
        Treated.STEP_LEFT: "4000002760003184",
        Treated.SLOW_REFUND: "4000000000007726",
        Treated.NO_REFUND: "4000000000005126",
    }
    treated: tuple[Treated, ...] = tuple(cards)
    functions: tuple[str, ...] = ("authorise", "capture", "void", "refund")
    states: ClassVar[dict[str, str]] = {
        **dict.fromkeys(("authorised", "requires_action"), "open"),
        **dict.fromkeys(("captured", "refunded"), "charged"),
        **dict.fromkeys(("voided", "declined"), "gone"),
    }

    def __init__(self, address: str, store: Path) -> None:
        self._address, self._store = address, store

    def settings(self) -> dict[str, str]:
        return {"PAYMENT_GATEWAY_URL": self._address, "PAYMENT_WEBHOOK_SECRET": SECRET}

    def options(self, webhook: str) -> list[str]:
        return ["--notify", webhook, "--secret", SECRET]

    def add_method(self, treated: Treated, amount: int, currency: str) -> Method:
        card = {"number": self.cards[treated], "exp_month": 12, "exp_year": 2060, "csc": "123"}
        return Method(post(f"{self._address}/tokens", **card)["token"])

    def decide(self, url: str, *, approves: bool) -> None:
        said = "approve" if approves else "refuse"
        httpx.post(url, data={"decision": said}, trust_env=False, timeout=30)

    def end_refunds(self) -> None:
        waiting = query(self._store, "SELECT id FROM refund WHERE status = 'pending'")
        for number, refund in enumerate(waiting):
            status = "failed" if number % 2 else "done"
            post(f"{self._address}/refunds/{refund['id']}/end", status=status)

    def let_days_pass(self) -> None:
        post(f"{self._address}/keys/forget")

    def books(self) -> list[AtGateway]:
        words = {"done": "done", "pending": "asked", "failed": "failed"}
        refunds = query(self._store, "SELECT * FROM refund ORDER BY rowid")
        found = query(self._store, "SELECT * FROM payment ORDER BY rowid")
        return [
            AtGateway(
                *(payment["id"], payment["key"], payment["reference"]),
                *(payment["amount"], payment["currency"], self.states[payment["status"]]),
                refunds=tuple(
                    Refund(one["key"], one["amount"], words[one["status"]])
                    for one in refunds
                    if one["payment"] == payment["id"]
                ),
            )
            for payment in found
        ]

    def foreign_event(self) -> tuple[bytes, Mapping[str, str]]:
        identifier = f"pay_{secrets.token_hex(6)}"
        payment = {"id": identifier, "reference": "SOMEBODY", "status": "captured"}
        body = json.dumps({"id": f"evt_{identifier}", "event": "capture", "payment": payment})
        return body.encode(), {"Webhook-Signature": signed(body, SECRET, at=0)}


class Vouchers:
    """The voucher server."""

    adapter = "payments.gateways.vouchers.VoucherServer"
    simulator = name = "vouchers"
    treated: tuple[Treated, ...] = (
        Treated.APPROVED,
        Treated.REFUSED_FOR_GOOD,
        Treated.REFUSED_FOR_NOW,
        Treated.REFUSED_WITHOUT_THE_CUSTOMER,
        Treated.NO_REFUND,
    )
    functions: tuple[str, ...] = ("reserve", "redeem", "cancel", "return")
    states: ClassVar[dict[str, str]] = {
        "reserved": "open",
        **dict.fromkeys(("redeemed", "returned"), "charged"),
        **dict.fromkeys(("cancelled", "refused"), "gone"),
    }
    # The reference of another shop's reservation.
    elsewhere = "ELSEWHERE"

    def __init__(self, address: str, store: Path) -> None:
        self._address, self._store = address, store
        # A voucher that is blocked once it was charged takes nothing back.
        self._to_block = list[dict[str, Any]]()

    def settings(self) -> dict[str, str]:
        return {"VOUCHER_SERVER_URL": self._address}

    def options(self, webhook: str) -> list[str]:
        return []

    def add_method(self, treated: Treated, amount: int, currency: str) -> Method:
        code = f"KESTREL{next(_serial):08d}"
        worth = amount - 1 or 1 if treated == Treated.REFUSED_WITHOUT_THE_CUSTOMER else amount
        is_small = treated == Treated.REFUSED_WITHOUT_THE_CUSTOMER and amount == worth
        voucher = {"code": code, "amount": worth, "currency": "XXX" if is_small else currency}
        if treated != Treated.REFUSED_FOR_GOOD:
            post(f"{self._address}/vouchers", **voucher)
        if treated == Treated.NO_REFUND:
            self._to_block.append(voucher)
        if treated == Treated.REFUSED_FOR_NOW:
            url = f"{self._address}/reservations"
            post(url, **voucher, reference=self.elsewhere)
        return Method(code, "voucher", code[-4:], "", None, None)

    def decide(self, url: str, *, approves: bool) -> None:
        raise NotImplementedError

    def end_refunds(self) -> None:
        """Do nothing: the server decides at once."""

    def let_days_pass(self) -> None:
        """Forget every key, and let all reservations lapse: they last a day."""
        post(f"{self._address}/keys/forget")
        for voucher in self._to_block:
            post(f"{self._address}/vouchers", **voucher, blocked=True)
        self._to_block.clear()
        for row in query(self._store, "SELECT id FROM reservation WHERE status = 'reserved'"):
            post(f"{self._address}/reservations/{row['id']}/lapse")

    def books(self) -> list[AtGateway]:
        returns = query(self._store, "SELECT * FROM given_back ORDER BY rowid")
        found = query(
            self._store,
            "SELECT *, status = 'reserved' AND expires_at = 0 AS lapsed FROM reservation",
        )
        return [
            AtGateway(
                *(row["id"], row["key"], row["reference"], row["amount"], row["currency"]),
                "gone" if row["lapsed"] else self.states[row["status"]],
                refunds=tuple(
                    Refund(one["key"], one["amount"], one["status"])
                    for one in returns
                    if one["reservation"] == row["id"]
                ),
            )
            for row in found
            if row["reference"] != self.elsewhere
        ]

    def foreign_event(self) -> tuple[bytes, Mapping[str, str]]:
        raise NotImplementedError


GATEWAYS: dict[str, Callable[[str, Path], Outcomes]] = {
    "simulator": Simulator,
    "vouchers": Vouchers,
}
