"""The part of the simulator's adapter that is about disputes and fraud warnings."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx

from moportal.money import MINOR_UNIT_DIGITS, Money
from payments.gateways.answers import LONGEST_TEXT, parse_moment, require_text
from payments.gateways.base import GatewayRefused, GatewayUnavailable
from payments.gateways.disputes import DisputeStanding, FraudWarned
from payments.states import DisputeKind, DisputeState

STATES = {
    "needs_answer": DisputeState.OPENED,
    "under_review": DisputeState.ANSWERED,
    "won": DisputeState.WON,
    "lost": DisputeState.LOST,
}
HIGHEST_AMOUNT = 10**15


class SimulatorDisputes(ABC):
    """The part of the adapter that handles disputes."""

    @abstractmethod
    def _exchange(
        self, method: str, path: str, *, timeout: float | None = None, **request: Any
    ) -> tuple[int, dict[str, Any]]:
        """Send one request, and return the status and the body of the answer."""

    def fetch_dispute(self, dispute_id: str) -> DisputeStanding | None:
        """Return how a dispute stands."""
        body = self._find(f"/disputes/{quote(dispute_id, safe='')}")
        return parse_dispute(body) if body else None

    def fetch_fraud_warning(self, warning_id: str) -> FraudWarned | None:
        """Return an early fraud warning."""
        body = self._find(f"/fraud_warnings/{quote(warning_id, safe='')}")
        if body is None:
            return None
        reason = str(body.get("reason", ""))[:LONGEST_TEXT]
        return FraudWarned(require_text(body, "id"), require_text(body, "payment"), reason)

    def answer_dispute(self, dispute_id: str, evidence: Mapping[str, str], *, key: str) -> None:
        """Send the evidence."""
        self._decide(dispute_id, "answer", {"evidence": dict(evidence)}, key=key)

    def accept_dispute(self, dispute_id: str, *, key: str) -> None:
        """Leave the money to the customer."""
        self._decide(dispute_id, "accept", {}, key=key)

    def _find(self, path: str) -> dict[str, Any] | None:
        status, body = self._exchange("GET", path)
        if status == httpx.codes.NOT_FOUND:
            return None
        if status != httpx.codes.OK:
            raise GatewayUnavailable(f"dispute: HTTP {status}", was_sent=True)
        return body

    def _decide(self, dispute_id: str, what: str, content: dict[str, Any], *, key: str) -> None:
        path = f"/disputes/{quote(dispute_id, safe='')}/{what}"
        headers = {"Idempotency-Key": key}
        status, body = self._exchange("POST", path, content=content, headers=headers)
        if httpx.codes.is_client_error(status):
            raise GatewayRefused(f"{what}: HTTP {status}, {str(body.get('error'))[:40]!r}")
        parse_dispute(body)


def parse_dispute(body: dict[str, Any]) -> DisputeStanding:
    """Parse how a dispute stands. Raises `GatewayUnavailable` for what is unknown."""
    kind, status = body.get("kind"), require_text(body, "status")
    if kind not in DisputeKind.values or status not in STATES:
        raise GatewayUnavailable(f"unknown dispute {kind!r} {status!r}", was_sent=True)
    reason = str(body.get("reason", ""))[:LONGEST_TEXT]
    return DisputeStanding(
        dispute_id=require_text(body, "id"),
        payment_id=require_text(body, "payment"),
        kind=DisputeKind(str(kind)),
        state=STATES[status],
        reason=reason,
        is_fraud=reason == "fraudulent",
        amount=_money(body, "amount"),
        taken=_money(body, "taken"),
        fee=_money(body, "fee"),
        due_at=parse_moment(body.get("due_by")),
    )


def _money(body: dict[str, Any], name: str) -> Money:
    amount, currency = body.get(name), body.get("currency")
    is_amount = isinstance(amount, int) and not isinstance(amount, bool)
    if not is_amount or not 0 <= int(amount or 0) < HIGHEST_AMOUNT:
        raise GatewayUnavailable(f"the answer has no usable {name}", was_sent=True)
    if currency not in MINOR_UNIT_DIGITS:
        raise GatewayUnavailable("the answer has no usable currency", was_sent=True)
    return Money(int(amount or 0), str(currency))
