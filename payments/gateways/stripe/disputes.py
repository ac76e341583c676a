"""The part of Stripe's adapter that is about disputes and early fraud warnings."""

from collections.abc import Callable, Mapping
from typing import Any

import stripe

from moportal.money import MINOR_UNIT_DIGITS, Money
from payments.gateways.answers import LONGEST_TEXT, parse_moment, require_text
from payments.gateways.base import GatewayRefused, GatewayUnavailable
from payments.gateways.disputes import DisputeStanding, FraudWarned
from payments.gateways.stripe.amounts import from_stripe
from payments.gateways.stripe.client import NOT_THERE, client, error_body, send
from payments.states import DisputeKind, DisputeState

STATES = {
    "warning_needs_response": DisputeState.OPENED,
    "needs_response": DisputeState.OPENED,
    "warning_under_review": DisputeState.ANSWERED,
    "under_review": DisputeState.ANSWERED,
    "warning_closed": DisputeState.WON,
    "prevented": DisputeState.WON,
    "won": DisputeState.WON,
    "lost": DisputeState.LOST,
}
INQUIRY = "warning_"
FRAUD = "fraudulent"
# The most characters that Stripe takes in one field.
LONGEST_EVIDENCE = 20_000
# The sections of the evidence that show that the customer used what was sold.
LOGS = frozenset({"sign_ins", "download", "usage"})


class StripeDisputes:
    """The part of the adapter that handles disputes."""

    def fetch_dispute(self, dispute_id: str) -> DisputeStanding | None:
        """Return how a dispute stands."""
        body = _find("dispute", lambda: client().v1.disputes.retrieve(dispute_id))
        return parse_dispute(body) if body else None

    def fetch_fraud_warning(self, warning_id: str) -> FraudWarned | None:
        """Return an early fraud warning."""
        warnings = client().v1.radar.early_fraud_warnings
        body = _find("fraud_warning", lambda: warnings.retrieve(warning_id))
        if body is None:
            return None
        reason = str(body.get("fraud_type", ""))[:LONGEST_TEXT]
        return FraudWarned(require_text(body, "id"), require_text(body, "payment_intent"), reason)

    def answer_dispute(self, dispute_id: str, evidence: Mapping[str, str], *, key: str) -> None:
        """Send the evidence to the bank. It can be sent once."""
        log = "\n\n".join(text for name, text in evidence.items() if name in LOGS)
        rest = "\n\n".join(text for name, text in evidence.items() if name not in LOGS)
        fields = {"access_activity_log": log, "uncategorized_text": rest}
        sent = {name: text[:LONGEST_EVIDENCE] for name, text in fields.items() if text}
        disputes = client().v1.disputes
        options: stripe.RequestOptions = {"idempotency_key": key}
        parameters: Any = {"evidence": sent, "submit": True}
        body = send("answer", lambda: disputes.update(dispute_id, parameters, options))
        parse_dispute(body)

    def accept_dispute(self, dispute_id: str, *, key: str) -> None:
        """Leave the money to the customer."""
        disputes = client().v1.disputes
        options: stripe.RequestOptions = {"idempotency_key": key}
        parse_dispute(send("accept", lambda: disputes.close(dispute_id, {}, options)))


def parse_dispute(body: dict[str, Any]) -> DisputeStanding:
    """Parse how a dispute stands. Raises `GatewayUnavailable` for what is unknown."""
    status, reason = require_text(body, "status"), str(body.get("reason", ""))[:LONGEST_TEXT]
    if status not in STATES:
        raise GatewayUnavailable(f"unknown dispute status {status!r}", was_sent=True)
    amount = _money(body, body.get("amount"))
    booked = [one for one in body.get("balance_transactions") or [] if isinstance(one, dict)]
    # What Stripe has taken is below zero, and what it gives back is above.
    taken = -sum(int(one.get("amount", 0)) for one in booked)
    details = body.get("evidence_details")
    return DisputeStanding(
        dispute_id=require_text(body, "id"),
        payment_id=require_text(body, "payment_intent"),
        kind=DisputeKind.INQUIRY if status.startswith(INQUIRY) else DisputeKind.DISPUTE,
        state=STATES[status],
        reason=reason,
        is_fraud=reason == FRAUD,
        amount=amount,
        taken=_taken(body, amount, taken, booked),
        fee=_money(body, sum(int(one.get("fee", 0)) for one in booked)),
        due_at=parse_moment(details.get("due_by")) if isinstance(details, dict) else None,
    )


def _taken(body: dict[str, Any], amount: Money, taken: int, booked: list[dict[str, Any]]) -> Money:
    """Return what was taken, in the currency of the charge.

    Stripe books in the currency of the operator's account. If the charge has another currency, the
    exact amount is unknown. Then a dispute has taken either nothing or its whole amount.
    """
    if all(one.get("currency") == body.get("currency") for one in booked):
        return _money(body, max(taken, 0))
    return amount if taken > 0 else Money(0, amount.currency)


def _money(body: dict[str, Any], units: object) -> Money:
    currency = str(body.get("currency", "")).upper()
    if currency not in MINOR_UNIT_DIGITS or not isinstance(units, int) or units < 0:
        raise GatewayUnavailable("the answer has no usable amount", was_sent=True)
    return from_stripe(units, currency)


def _find(operation: str, request: Callable[[], stripe.StripeObject]) -> dict[str, Any] | None:
    """Return what was asked for, or None if Stripe does not have it."""
    try:
        return send(operation, request)
    except GatewayRefused as refused:
        if error_body(refused.__cause__).get("code") == NOT_THERE:
            return None
        raise GatewayUnavailable(str(refused), was_sent=True) from refused
