"""Stripe's adapter keeps the gateway protocol, against the stand-in for Stripe."""

import json
import time
from collections.abc import Mapping
from datetime import UTC, date, datetime

import httpx
import pytest

from payments.gateways.base import Ability, Gateway
from payments.gateways.stripe import StripeGateway
from payments.gateways.testkit import Treated, checks_for
from payments.gateways.testkit.bench import CHECKS, PRICE
from payments.gateways.values import Card
from payments.states import DisputeKind
from simulators.stripe.events import SIGNATURE_HEADER, event, sign
from tests.payments.stripe import SECRET, keep_card, keep_on_page, pay_on_page

CHECK_BY_NAME = {str(check): check for check in CHECKS}
CARDS = {
    Treated.APPROVED: "pm_card_visa",
    Treated.REFUSED_FOR_GOOD: "pm_card_visa_chargeDeclinedStolenCard",
    Treated.REFUSED_FOR_NOW: "pm_card_visa_chargeDeclinedInsufficientFunds",
    Treated.REFUSED_WITHOUT_THE_CUSTOMER: "pm_card_chargeDeclinedIncorrectCvc",
    Treated.BANK_STEP: "pm_card_authenticationRequired",
    Treated.BANK_STEP_OFF_SESSION: "pm_card_authenticationRequired",
}


class StripeBench:
    """The controls of the stand-in for Stripe."""

    def __init__(self, address: str) -> None:
        self.gateway: Gateway = StripeGateway()
        self._address = address

    def token(self, treated: Treated, currency: str = PRICE.currency) -> str:
        return keep_card(self._address, CARDS[treated])

    def card(self) -> Card:
        raise NotImplementedError

    def type_card(self, url: str) -> None:
        keep_on_page(url)

    def pay(self, url: str) -> None:
        pay_on_page(url)

    def decide(self, url: str, *, approves: bool) -> None:
        said = "approve" if approves else "refuse"
        httpx.post(url, data={"decision": said}, trust_env=False)

    def typed_code(self, gateway_id: str, *, is_right: bool) -> str:
        raise NotImplementedError

    def event(self, gateway_id: str) -> tuple[bytes, Mapping[str, str]]:
        found = {"id": gateway_id, "object": "payment_intent", "metadata": {}}
        body = json.dumps(event("payment_intent.succeeded", found))
        return body.encode(), {SIGNATURE_HEADER: sign(body, SECRET, at=int(time.time()))}

    def dispute(self, gateway_id: str, *, kind: DisputeKind, is_fraud: bool = False) -> str:
        reason = "fraudulent" if is_fraud else "product_not_received"
        return self._act(f"/payments/{gateway_id}/dispute", kind=kind, reason=reason)

    def end_dispute(self, dispute_id: str, *, is_won: bool) -> None:
        self._act(f"/disputes/{dispute_id}/end", status="won" if is_won else "lost")

    def warn_of_fraud(self, gateway_id: str) -> str:
        return self._act(f"/payments/{gateway_id}/fraud_warning")

    def _act(self, path: str, **body: str) -> str:
        answer = httpx.post(f"{self._address}{path}", json=body, trust_env=False)
        return str(answer.raise_for_status().json()["id"])

    def booked_day(self) -> date:
        return datetime.now(tz=UTC).date()


@pytest.mark.parametrize("name", [str(one) for one in checks_for(StripeGateway.abilities)])
def test_the_adapter_of_stripe_keeps_the_protocol(stripe: str, name: str) -> None:
    CHECK_BY_NAME[name].run(StripeBench(stripe))


def test_no_card_number_is_typed_in_the_portal_for_stripe() -> None:
    assert Ability.CARD_ENTRY not in StripeGateway.abilities
