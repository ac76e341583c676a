"""The outcomes of the operator's bill."""

import itertools
import json
from pathlib import Path
from typing import Any, ClassVar

import httpx

from moportal.money import MINOR_UNIT_DIGITS
from tests.chaos.payments.books import AtGateway, Refund
from tests.chaos.payments.outcomes import Letter, Method, Treated, query

# Numbers of seven digits before the ending.
_numbers = itertools.count(1_000_000)
# The billing counts in thousandths of the currency's unit.
DIGITS = 3


class Bill:
    """The billing simulator. The end of a number says how it is treated."""

    adapter = "payments.gateways.carrier_billing.CarrierBilling"
    simulator, name = "carrier_billing", "bill"
    endings: ClassVar[dict[Treated, str]] = {
        Treated.APPROVED: "0100",
        Treated.REFUSED_FOR_GOOD: "0203",
        Treated.REFUSED_FOR_NOW: "0204",
        Treated.REFUSED_WITHOUT_THE_CUSTOMER: "0209",
        Treated.STEP_APPROVED: "0202",
        Treated.STEP_REFUSED: "0202",
        Treated.STEP_LEFT: "0202",
        Treated.SLOW_REFUND: "0212",
        Treated.NO_REFUND: "0213",
    }
    treated: tuple[Treated, ...] = tuple(endings)
    has_disputes = False
    functions: tuple[str, ...] = ("prepare", "validate", "confirm", "cancel", "refund")
    states: ClassVar[dict[str, str]] = {
        **dict.fromkeys(("reserved", "pending_validation", "processing"), "open"),
        **dict.fromkeys(("denied", "cancelled"), "gone"),
        "succeeded": "charged",
    }
    refund_states: ClassVar[dict[str, str]] = {
        "succeeded": "done",
        "processing": "asked",
        "denied": "failed",
    }

    def __init__(self, address: str, store: Path) -> None:
        self._address, self._store = address, store

    def settings(self) -> dict[str, str]:
        return {
            "CARRIER_BILLING_URL": f"{self._address}/carrier-billing/v0",
            "CARRIER_BILLING_REFUND_URL": f"{self._address}/carrier-billing-refund/v0",
        }

    def options(self, webhook: str) -> list[str]:
        return []

    def add_method(self, treated: Treated, amount: int, currency: str) -> Method:
        number = f"+1{next(_numbers)}{self.endings[treated]}"
        return Method(number, "bill", number[-4:], "", None, None)

    def decide(self, url: str, *, approves: bool) -> None:
        raise NotImplementedError

    def code(self, gateway_id: str) -> str:
        found = [row for row in self._rows("payment") if row["id"] == gateway_id]
        return str(found[0]["code"])

    def end_refunds(self) -> None:
        waiting = [row for row in self._rows("refund") if row["status"] == "processing"]
        for number, row in enumerate(waiting):
            self._post(f"/refunds/{row['payment']}/{'deny' if number % 2 else 'succeed'}")

    def dispute(self, gateway_id: str) -> None:
        raise NotImplementedError

    def end_disputes(self) -> None:
        """Do nothing: a bill cannot be disputed here."""

    def let_days_pass(self) -> None:
        """Forget every correlator, and let all reservations lapse: they last an hour."""
        self._post("/correlators/forget")
        for row in self._rows("payment"):
            if self.states[row["status"]] == "open":
                self._post(f"/payments/{row['id']}/lapse")

    def books(self) -> list[AtGateway]:
        refunds = self._rows("refund")
        return [
            AtGateway(
                *(row["id"], row["correlator"], row["reference"], _minor_units(row["charging"])),
                row["charging"]["currency"],
                "gone"
                if not row["expires_at"] and not row["charged_at"]
                else self.states[row["status"]],
                refunds=tuple(
                    Refund(
                        *(one["correlator"], _minor_units(one["charging"])),
                        self.refund_states[one["status"]],
                    )
                    for one in refunds
                    if one["payment"] == row["id"]
                ),
            )
            for row in self._rows("payment")
        ]

    def foreign_event(self) -> Letter:
        raise NotImplementedError

    def event_of_another_account(self) -> None:
        return None

    def sign_again(self, letter: Letter) -> Letter:
        return letter

    def events(self) -> list[Letter]:
        return []

    def _rows(self, table: str) -> list[dict[str, Any]]:
        found = query(self._store, f"SELECT content FROM {table} ORDER BY rowid")  # noqa: S608 -- the names stand above
        return [json.loads(row["content"]) for row in found]

    def _post(self, path: str) -> None:
        httpx.post(f"{self._address}{path}", trust_env=False, timeout=30).raise_for_status()


def _minor_units(charging: dict[str, Any]) -> int:
    digits = MINOR_UNIT_DIGITS[charging["currency"]]
    minor_units: int = charging["amount"] // 10 ** (DIGITS - digits)
    return minor_units
