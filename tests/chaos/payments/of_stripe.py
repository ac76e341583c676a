"""The outcomes of the stand-in for Stripe: stored cards, and its page for one payment."""

import json
import secrets
import time
from pathlib import Path
from typing import Any, ClassVar

import httpx

from simulators.stripe.events import SIGNATURE_HEADER, event, sign
from tests.chaos.payments.books import AtGateway, Refund
from tests.chaos.payments.outcomes import SECRET, Letter, Method, Treated, post, query
from tests.payments.stripe import keep_card, pay_on_page

PAGE = "/c/pay/"


class Stripe:
    """The stand-in for Stripe. Its test cards say how they are treated."""

    adapter = "payments.gateways.stripe.StripeGateway"
    simulator = name = "stripe"
    cards: ClassVar[dict[Treated, str]] = {
        Treated.APPROVED: "pm_card_visa",
        Treated.REFUSED_FOR_GOOD: "pm_card_visa_chargeDeclinedStolenCard",
        Treated.REFUSED_FOR_NOW: "pm_card_visa_chargeDeclinedInsufficientFunds",
        Treated.REFUSED_WITHOUT_THE_CUSTOMER: "pm_card_chargeDeclinedIncorrectCvc",
        Treated.STEP_APPROVED: "pm_card_authenticationRequired",
        Treated.STEP_REFUSED: "pm_card_authenticationRequired",
        Treated.STEP_LEFT: "pm_card_authenticationRequired",
        Treated.SLOW_REFUND: "pm_card_pendingRefund",
        Treated.NO_REFUND: "pm_card_refundFail",
    }
    treated: tuple[Treated, ...] = (*cards, Treated.PAGE_PAID, Treated.PAGE_LEFT)
    has_disputes = False
    functions: tuple[str, ...] = ("authorise", "capture", "cancel", "refund", "open", "expire")
    states: ClassVar[dict[str, str]] = {
        **dict.fromkeys(("requires_action", "requires_capture"), "open"),
        **dict.fromkeys(("requires_payment_method", "canceled"), "gone"),
        "succeeded": "charged",
    }
    refund_states: ClassVar[dict[str, str]] = {
        "succeeded": "done",
        "pending": "asked",
        "failed": "failed",
    }

    def __init__(self, address: str, store: Path) -> None:
        self._address, self._store = address, store

    def settings(self) -> dict[str, str]:
        return {
            "STRIPE_URL": self._address,
            "STRIPE_API_KEY": "sk_test_of_the_run",
            "STRIPE_MODE": "test",
            "STRIPE_WEBHOOK_SECRET": SECRET,
            "STRIPE_DEVICE_HOSTS": "127.0.0.1",
        }

    def options(self, webhook: str) -> list[str]:
        return ["--notify", webhook, "--secret", SECRET]

    def add_method(self, treated: Treated, amount: int, currency: str) -> Method:
        if treated in self.cards:
            return Method(keep_card(self._address, self.cards[treated]))
        return Method("", "page", "", "", None, None, is_kept=False)

    def decide(self, url: str, *, approves: bool) -> None:
        if PAGE in url:
            pay_on_page(url)
        else:
            said = "approve" if approves else "refuse"
            httpx.post(url, data={"decision": said}, trust_env=False, timeout=30)

    def code(self, gateway_id: str) -> str:
        raise NotImplementedError

    def end_refunds(self) -> None:
        waiting = [one for one in self._objects("refund") if one["status"] == "pending"]
        for number, refund in enumerate(waiting):
            status = "failed" if number % 2 else "succeeded"
            post(f"{self._address}/refunds/{refund['id']}/end", status=status)

    def dispute(self, gateway_id: str) -> None:
        raise NotImplementedError

    def end_disputes(self) -> None:
        """Do nothing: the stand-in disputes nothing."""

    def let_days_pass(self) -> None:
        """Forget every key, and let the pages end: they last a day."""
        post(f"{self._address}/keys/forget")
        for session in self._objects("checkout.session"):
            if session["status"] == "open":
                url = f"{self._address}/v1/checkout/sessions/{session['id']}/expire"
                httpx.post(url, trust_env=False, timeout=30).raise_for_status()

    def books(self) -> list[AtGateway]:
        refunds = self._objects("refund")
        return [
            AtGateway(
                *(one["id"], one["metadata"]["key"], one["metadata"]["reference"]),
                *(one["amount"], one["currency"].upper(), self.states[one["status"]]),
                refunds=tuple(
                    Refund(
                        *(refund["metadata"]["key"], refund["amount"]),
                        self.refund_states[refund["status"]],
                    )
                    for refund in refunds
                    if refund["payment_intent"] == one["id"]
                ),
            )
            for one in self._objects("payment_intent")
        ]

    def foreign_event(self) -> Letter:
        payment = {"id": f"pi_{secrets.token_hex(6)}", "object": "payment_intent", "metadata": {}}
        return self.sign_again(
            (json.dumps(event("payment_intent.succeeded", payment)).encode(), {})
        )

    def event_of_another_account(self) -> Letter:
        payment = {"id": f"pi_{secrets.token_hex(6)}", "object": "payment_intent", "metadata": {}}
        about = {**event("payment_intent.succeeded", payment), "account": "acct_of_somebody"}
        return self.sign_again((json.dumps(about).encode(), {}))

    def events(self) -> list[Letter]:
        sent = query(self._store, "SELECT body FROM notice ORDER BY number")
        return [(one["body"].encode(), {}) for one in sent]

    def sign_again(self, letter: Letter) -> Letter:
        """Sign with the present time, as Stripe does for each delivery."""
        body, _headers = letter
        return body, {SIGNATURE_HEADER: sign(body.decode(), SECRET, at=int(time.time()))}

    def _objects(self, kind: str) -> list[dict[str, Any]]:
        found = query(self._store, "SELECT kind, body FROM object ORDER BY rowid")
        return [json.loads(row["body"]) for row in found if row["kind"] == kind]
