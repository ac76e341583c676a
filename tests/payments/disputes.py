"""How tests let the customer's bank dispute a charge, and a worker ask about it."""

from typing import Any

import httpx

from outbox.domain import RetryAfter
from payments.domain import disputes
from payments.models import Dispute, Payment
from tests.processing import process_task


def post(url: str, path: str, **body: object) -> dict[str, Any]:
    answer = httpx.post(f"{url}{path}", json=body, trust_env=False)
    return dict(answer.raise_for_status().json())


def open_dispute(gateway: str, payment: Payment, **details: object) -> str:
    """Let the bank dispute the payment, and return the dispute's id. The portal is not told."""
    return str(post(gateway, f"/payments/{payment.gateway_id}/dispute", **details)["id"])


def decide(gateway: str, dispute_id: str, status: str) -> None:
    """Let the bank set the dispute's status."""
    post(gateway, f"/disputes/{dispute_id}/end", status=status)


def ask_about(dispute_id: str) -> RetryAfter | None:
    """Let a worker ask about the dispute, as after an event."""
    disputes.enqueue_dispute("simulator", dispute_id)
    return process_task(disputes.KIND, f"simulator:{dispute_id}")


def disputed(gateway: str, payment: Payment, **details: object) -> Dispute:
    """Return a new dispute of the payment, as a worker has stored it."""
    dispute_id = open_dispute(gateway, payment, **details)
    ask_about(dispute_id)
    return Dispute.objects.get(gateway_id=dispute_id)
