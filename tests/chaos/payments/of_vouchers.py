"""The outcomes of the voucher server."""

import itertools
from pathlib import Path
from typing import Any, ClassVar

from tests.chaos.payments.books import AtGateway, Refund
from tests.chaos.payments.outcomes import Letter, Method, Treated, post, query

_numbers = itertools.count(1)


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
    has_disputes = False
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
        code = f"KESTREL{next(_numbers):08d}"
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

    def code(self, gateway_id: str) -> str:
        raise NotImplementedError

    def dispute(self, gateway_id: str) -> None:
        raise NotImplementedError

    def end_disputes(self) -> None:
        """Do nothing: a voucher cannot be disputed."""

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

    def foreign_event(self) -> Letter:
        raise NotImplementedError

    def event_of_another_account(self) -> None:
        return None

    def sign_again(self, letter: Letter) -> Letter:
        return letter

    def events(self) -> list[Letter]:
        return []
