"""The outcomes of the payment simulator."""

import json
import secrets
from collections import Counter
from pathlib import Path
from typing import ClassVar

import httpx

from simulators.payment.server import SIGNATURE_HEADER, signed
from tests.chaos.payments.books import AtGateway, Refund
from tests.chaos.payments.outcomes import SECRET, Letter, Method, Treated, post, query


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
        Treated.DISPUTED: "4000000000002685",
    }
    has_disputes = True
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

    def code(self, gateway_id: str) -> str:
        raise NotImplementedError

    def dispute(self, gateway_id: str) -> None:
        url = f"{self._address}/payments/{gateway_id}/dispute"
        body = {"kind": "dispute", "reason": "product_not_received"}
        # The charge may have been given back meanwhile. Then nothing is left to dispute.
        httpx.post(url, json=body, trust_env=False, timeout=30)

    def end_disputes(self) -> None:
        found = query(self._store, "SELECT id FROM dispute WHERE status NOT IN ('won', 'lost')")
        for number, dispute in enumerate(found):
            status = "won" if number % 2 else "lost"
            post(f"{self._address}/disputes/{dispute['id']}/end", status=status)

    def let_days_pass(self) -> None:
        post(f"{self._address}/keys/forget")

    def books(self) -> list[AtGateway]:
        lost = Counter[str]()
        for one in query(self._store, "SELECT payment, amount FROM dispute WHERE status = 'lost'"):
            lost[one["payment"]] += one["amount"]
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
                lost=lost[payment["id"]],
            )
            for payment in found
        ]

    def event_of_another_account(self) -> None:
        return None

    def sign_again(self, letter: Letter) -> Letter:
        return letter

    def events(self) -> list[Letter]:
        sent = query(self._store, "SELECT body, signature FROM notice ORDER BY number")
        return [(one["body"].encode(), {SIGNATURE_HEADER: one["signature"]}) for one in sent]

    def foreign_event(self) -> Letter:
        identifier = f"pay_{secrets.token_hex(6)}"
        payment = {"id": identifier, "reference": "SOMEBODY", "status": "captured"}
        body = json.dumps({"id": f"evt_{identifier}", "event": "capture", "payment": payment})
        return body.encode(), {SIGNATURE_HEADER: signed(body, SECRET, at=0)}
