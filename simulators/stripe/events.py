"""Webhooks: each change is an event that is signed and posted."""

import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass

from simulators.notify import Notice, send_in_background
from simulators.stripe.books import Books, Object
from simulators.stripe.showing import shown

SIGNATURE_HEADER = "Stripe-Signature"
# The type of the event about an object in each status.
OF_INTENT = {
    "requires_capture": "payment_intent.amount_capturable_updated",
    "succeeded": "payment_intent.succeeded",
    "canceled": "payment_intent.canceled",
    "requires_payment_method": "payment_intent.payment_failed",
    "requires_action": "payment_intent.requires_action",
}
OF_SESSION = {"complete": "checkout.session.completed", "expired": "checkout.session.expired"}


@dataclass(frozen=True)
class Announcer:
    """Posts events to the listener, if there is one. All of them are kept for tests."""

    books: Books
    listener: str = ""
    secret: str = ""

    def announce(self, found: Object) -> None:
        """Post an event about an object's new status."""
        kind, status = found["object"], found.get("status", "")
        if kind == "payment_intent":
            self._post(OF_INTENT[status], found)
        elif kind == "checkout.session" and status in OF_SESSION:
            self._post(OF_SESSION[status], found)
        elif kind == "dispute":
            is_new = status.endswith("needs_response")
            self._post("charge.dispute.created" if is_new else "charge.dispute.updated", found)
        elif kind == "radar.early_fraud_warning":
            self._post("radar.early_fraud_warning.created", found)
        elif kind == "refund":
            charge = self.books.get(found["charge"])
            if charge is not None:
                self._post("charge.refunded", charge)
            self._post("refund.failed" if status == "failed" else "refund.updated", found)

    def _post(self, kind: str, found: Object) -> None:
        body = json.dumps(event(kind, shown(found)))
        signature = sign(body, self.secret, at=int(time.time()))
        self.books.store_notice(body, signature)
        if self.listener:
            headers = {"Content-Type": "application/json", SIGNATURE_HEADER: signature}
            send_in_background([Notice(self.listener, body.encode(), headers)])


def event(kind: str, found: Object) -> Object:
    """Return an event about an object."""
    return {
        "id": f"evt_{secrets.token_hex(12)}",
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": int(time.time()),
        "data": {"object": found},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
    }


def sign(body: str, secret: str, *, at: int) -> str:
    """Return the signature of a webhook: HMAC-SHA-256 of the time in Unix seconds and the body."""
    digest = hmac.new(secret.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"
