"""The kit for gateway adapters: the simulator's adapter passes, and a broken one does not."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from moportal.money import Money
from payments.gateways.base import (
    Ability,
    Authorised,
    Card,
    CardRefused,
    Event,
    Gateway,
    GatewayRefused,
    Standing,
    StoredCard,
)
from payments.gateways.simulator import SimulatorGateway
from payments.gateways.testkit import KitFailure, Treated, checks_for
from payments.gateways.testkit.bench import CHECKS, PRICE, new_key
from simulators.payment.server import SIGNATURE_HEADER, signed
from tests.payments.conftest import card, type_card

SECRET = "the gateway's and ours"
CARDS = {
    Treated.APPROVED: "4242424242424242",
    Treated.REFUSED_FOR_GOOD: "4000000000009979",
    Treated.REFUSED_FOR_NOW: "4000000000009995",
    Treated.REFUSED_WITHOUT_THE_CUSTOMER: "4000000000000127",
    Treated.BANK_STEP: "4000002760003184",
}
CHECK_BY_NAME = {str(check): check for check in CHECKS}


class SimulatorBench:
    """The controls of the payment simulator."""

    def __init__(self, address: str, gateway: Gateway) -> None:
        self.gateway, self._address = gateway, address

    def token(self, treated: Treated, currency: str = PRICE.currency) -> str:
        return SimulatorGateway().tokenise(card(CARDS[treated]), key=new_key()).token

    def card(self) -> Card:
        return card()

    def type_card(self, url: str) -> None:
        type_card(url)

    def decide(self, url: str, *, approves: bool) -> None:
        said = "approve" if approves else "refuse"
        httpx.post(url, data={"decision": said}, trust_env=False)

    def event(self, gateway_id: str) -> tuple[bytes, Mapping[str, str]]:
        shown = httpx.get(f"{self._address}/payments/{gateway_id}", trust_env=False).json()
        body = json.dumps({"id": f"evt_{gateway_id}", "payment": shown})
        return body.encode(), {SIGNATURE_HEADER: signed(body, SECRET, at=int(now().timestamp()))}


@pytest.fixture
def address(gateway: str, settings: Settings) -> str:
    settings.PAYMENT_WEBHOOK_SECRET = SECRET
    return gateway


@pytest.mark.parametrize("name", [str(one) for one in checks_for(SimulatorGateway.abilities)])
def test_the_adapter_of_the_simulator_keeps_the_protocol(address: str, name: str) -> None:
    CHECK_BY_NAME[name].run(SimulatorBench(address, SimulatorGateway()))


def test_only_what_is_declared_is_checked() -> None:
    always, all_checks = checks_for(frozenset()), checks_for(frozenset(Ability))

    assert {check.needs for check in always} == {None}
    assert all_checks == CHECKS
    assert len(checks_for({Ability.PUSH})) == len(always) + 2


class ForgetsKeys(SimulatorGateway):
    """Sends every request under a new key."""

    def _post(self, path: str, content: dict[str, Any], *, key: str, **more: Any) -> Any:
        return super()._post(path, content, key=new_key(), **more)


class RefusesNothing(SimulatorGateway):
    """Takes every refusal for success."""

    def capture(self, gateway_id: str, *, key: str) -> None:
        try:
            super().capture(gateway_id, key=key)
        except GatewayRefused:
            return


class CapturesWhenAsked(SimulatorGateway):
    """Charges a payment that is only asked about."""

    def fetch(self, gateway_id: str) -> Standing:
        standing = super().fetch(gateway_id)
        if isinstance(standing, Authorised):
            self.capture(gateway_id, key=new_key())
        return super().fetch(gateway_id)


class AnswersForTheUnknown(SimulatorGateway):
    """Says that a payment which nobody knows is authorised."""

    def fetch(self, gateway_id: str) -> Standing:
        return Authorised(gateway_id)


class CountsInWholeUnits(SimulatorGateway):
    """Takes every currency for one with two decimals."""

    def authorise(self, token: str, amount: Money, **more: Any) -> Standing:
        return super().authorise(token, Money(amount.minor_units // 100 * 100, "USD"), **more)


class AuthorisesForNoTime(SimulatorGateway):
    """Reports an end that has passed."""

    def authorise(self, *given: Any, **more: Any) -> Standing:
        return Authorised("pay_1", expires_at=now() - timedelta(seconds=1))


class BelievesAnybody(SimulatorGateway):
    """Checks no signature."""

    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> Event:
        return Event("1", json.loads(body)["payment"]["id"], "", "")


class BlamesTheExpiry(SimulatorGateway):
    """Names the wrong field of a card."""

    def tokenise(self, card: Card, *, key: str) -> StoredCard:
        try:
            return super().tokenise(card, key=key)
        except CardRefused as refused:
            raise CardRefused("expiry") from refused


class TakesAnyNumber(SimulatorGateway):
    """Accepts a number with a wrong digit."""

    def tokenise(self, card: Card, *, key: str) -> StoredCard:
        return StoredCard("tok_1", "Visa", card.number[-4:], card.expiry_month, card.expiry_year)


class FindsNothing(SimulatorGateway):
    """Never finds a payment."""

    def find(self, *, reference: str, key: str) -> Standing | None:
        return None


@pytest.mark.parametrize(
    ("broken", "check"),
    [
        (ForgetsKeys, "a_repeated_authorisation_has_its_effect_once"),
        (ForgetsKeys, "a_key_is_not_taken_for_another_amount"),
        (RefusesNothing, "a_voided_authorisation_cannot_be_charged"),
        (CapturesWhenAsked, "fetch_changes_nothing"),
        (AnswersForTheUnknown, "an_unknown_payment_is_no_answer_and_cannot_be_charged"),
        (CountsInWholeUnits, "the_amount_is_exact_whatever_the_currencys_decimals"),
        (AuthorisesForNoTime, "an_authorisation_ends_in_the_future"),
        (BelievesAnybody, "a_forged_event_is_refused"),
        (BlamesTheExpiry, "a_wrong_digit_names_the_number"),
        (TakesAnyNumber, "a_wrong_digit_names_the_number"),
        (FindsNothing, "a_payment_is_found_by_reference_and_key"),
    ],
)
def test_a_broken_adapter_fails(address: str, broken: Callable[[], Gateway], check: str) -> None:
    # The gateway itself may notice first, and refuse what comes out of the adapter's fault.
    with pytest.raises((KitFailure, GatewayRefused)):
        CHECK_BY_NAME[check].run(SimulatorBench(address, broken()))


def test_every_check_has_a_name_of_its_own() -> None:
    assert len(CHECK_BY_NAME) == len(CHECKS)
