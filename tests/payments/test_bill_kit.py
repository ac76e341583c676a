"""The adapter of the operator's bill keeps the gateway protocol."""

from collections.abc import Callable, Mapping
from datetime import date

import pytest

from payments.gateways.base import Ability, Gateway, NotOffered
from payments.gateways.carrier_billing import CarrierBilling
from payments.gateways.testkit import KitFailure, Treated, checks_for
from payments.gateways.testkit.bench import CHECKS, PRICE, RETURN_URL
from payments.gateways.values import Card
from payments.states import CodeVerdict, DisputeKind
from tests.payments import bills
from tests.payments.conftest import card

CHECK_BY_NAME = {str(check): check for check in CHECKS}
ENDINGS = {
    Treated.APPROVED: "0100",
    Treated.REFUSED_FOR_GOOD: bills.NO_BILL,
    Treated.REFUSED_FOR_NOW: bills.DENIED,
    Treated.REFUSED_WITHOUT_THE_CUSTOMER: bills.TOO_MUCH,
    Treated.CODE_STEP: bills.WITH_CODE,
}


class BillBench:
    """The controls of the billing simulator."""

    def __init__(self, address: str, gateway: Gateway) -> None:
        self.gateway = gateway
        self._address = address

    def token(self, treated: Treated, currency: str = PRICE.currency) -> str:
        return bills.new_number(ENDINGS[treated])

    def card(self) -> Card:
        raise NotImplementedError

    def type_card(self, url: str) -> None:
        raise NotImplementedError

    def pay(self, url: str) -> None:
        raise NotImplementedError

    def decide(self, url: str, *, approves: bool) -> None:
        raise NotImplementedError

    def typed_code(self, gateway_id: str, *, is_right: bool) -> str:
        return bills.sent_code(self._address, gateway_id, is_right=is_right)

    def event(self, gateway_id: str) -> tuple[bytes, Mapping[str, str]]:
        raise NotImplementedError

    def dispute(self, gateway_id: str, *, kind: DisputeKind, is_fraud: bool = False) -> str:
        raise NotImplementedError

    def end_dispute(self, dispute_id: str, *, is_won: bool) -> None:
        raise NotImplementedError

    def warn_of_fraud(self, gateway_id: str) -> str:
        raise NotImplementedError

    def booked_day(self) -> date:
        raise NotImplementedError


@pytest.mark.parametrize("name", [str(one) for one in checks_for(CarrierBilling.abilities)])
def test_the_adapter_of_the_bill_keeps_the_protocol(billing: str, name: str) -> None:
    CHECK_BY_NAME[name].run(BillBench(billing, CarrierBilling()))


class BelievesEachCode(CarrierBilling):
    """Says that each code is right."""

    def confirm_code(self, gateway_id: str, step_id: str, code: str, *, key: str) -> CodeVerdict:
        super().confirm_code(gateway_id, step_id, code, key=key)
        return CodeVerdict.RIGHT


class TakesCodesForEver(CarrierBilling):
    """Says that a code is wrong when no code is taken any more."""

    def confirm_code(self, gateway_id: str, step_id: str, code: str, *, key: str) -> CodeVerdict:
        verdict = super().confirm_code(gateway_id, step_id, code, key=key)
        return CodeVerdict.RIGHT if verdict == CodeVerdict.RIGHT else CodeVerdict.WRONG


class VoidsNothing(CarrierBilling):
    """Leaves what waits for its code as it is."""

    def void(self, gateway_id: str, *, key: str) -> None:
        return


@pytest.mark.parametrize(
    ("broken", "check"),
    [
        (BelievesEachCode, "a_wrong_code_authorises_nothing_and_the_right_one_still_does"),
        (TakesCodesForEver, "after_too_many_wrong_codes_the_payment_is_refused"),
        (VoidsNothing, "a_payment_that_waits_for_its_code_can_be_voided_but_not_charged"),
    ],
)
def test_a_broken_adapter_fails(billing: str, broken: Callable[[], Gateway], check: str) -> None:
    with pytest.raises(KitFailure):
        CHECK_BY_NAME[check].run(BillBench(billing, broken()))


def test_what_the_bill_cannot_do_is_not_offered() -> None:
    server = CarrierBilling()
    calls: dict[Ability, Callable[[], object]] = {
        Ability.HOSTED_PAGE: lambda: server.open_page(return_url=RETURN_URL, key="k"),
        Ability.CARD_ENTRY: lambda: server.tokenise(card(), key="k"),
        Ability.STORED_METHODS: lambda: server.forget("+15550001", key="k"),
        Ability.PUSH: lambda: server.parse_webhook(b"{}", {}),
    }

    for ability, call in calls.items():
        assert ability not in server.abilities
        with pytest.raises(NotOffered):
            call()


def test_a_device_need_not_reach_the_billing() -> None:
    assert CarrierBilling().device_hosts() == frozenset()
