"""The voucher server's adapter keeps the gateway protocol."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime

import pytest

from moportal.money import Money
from payments.gateways.base import Ability, Gateway, NotOffered
from payments.gateways.testkit import Treated, checks_for
from payments.gateways.testkit.bench import CHECKS, PRICE, RETURN_URL, authorise
from payments.gateways.values import Card
from payments.gateways.vouchers import VoucherServer
from payments.states import DisputeKind
from tests.payments.conftest import card
from tests.payments.vouchers import issue

CHECK_BY_NAME = {str(check): check for check in CHECKS}


class VoucherBench:
    """The controls of the voucher simulator."""

    def __init__(self, address: str) -> None:
        self.gateway: Gateway = VoucherServer()
        self._address = address

    def token(self, treated: Treated, currency: str = PRICE.currency) -> str:
        if treated == Treated.REFUSED_FOR_GOOD:
            return "NOBODYISSUEDIT"
        if treated == Treated.REFUSED_WITHOUT_THE_CUSTOMER:
            return issue(self._address, amount=1, currency=currency)
        code = issue(self._address, currency=currency)
        if treated == Treated.REFUSED_FOR_NOW:
            # Another order holds all of it.
            whole = Money(5000, currency)
            authorise(self, token=code, amount=whole)
        return code

    def card(self) -> Card:
        raise NotImplementedError

    def type_card(self, url: str) -> None:
        raise NotImplementedError

    def pay(self, url: str) -> None:
        raise NotImplementedError

    def decide(self, url: str, *, approves: bool) -> None:
        raise NotImplementedError

    def typed_code(self, gateway_id: str, *, is_right: bool) -> str:
        raise NotImplementedError

    def event(self, gateway_id: str) -> tuple[bytes, Mapping[str, str]]:
        raise NotImplementedError

    def dispute(self, gateway_id: str, *, kind: DisputeKind, is_fraud: bool = False) -> str:
        raise NotImplementedError

    def end_dispute(self, dispute_id: str, *, is_won: bool) -> None:
        raise NotImplementedError

    def warn_of_fraud(self, gateway_id: str) -> str:
        raise NotImplementedError

    def booked_day(self) -> date:
        return datetime.now(tz=UTC).date()


@pytest.mark.parametrize("name", [str(one) for one in checks_for(VoucherServer.abilities)])
def test_the_adapter_of_the_voucher_server_keeps_the_protocol(vouchers: str, name: str) -> None:
    CHECK_BY_NAME[name].run(VoucherBench(vouchers))


def test_what_the_voucher_server_cannot_do_is_not_offered() -> None:
    server = VoucherServer()
    calls: dict[Ability, list[Callable[[], object]]] = {
        Ability.HOSTED_PAGE: [
            lambda: server.open_page(return_url=RETURN_URL, key="k"),
            lambda: server.fetch_page("page"),
        ],
        Ability.HOSTED_PAYMENT: [
            lambda: server.authorise_on_page(
                PRICE, reference="ORDER", return_url=RETURN_URL, keep=False, key="k"
            )
        ],
        Ability.CARD_ENTRY: [lambda: server.tokenise(card(), key="k")],
        Ability.STORED_METHODS: [lambda: server.forget("code", key="k")],
        Ability.PUSH: [lambda: server.parse_webhook(b"{}", {})],
        Ability.DISPUTES: [
            lambda: server.fetch_dispute("dispute"),
            lambda: server.answer_dispute("dispute", {}, key="k"),
            lambda: server.accept_dispute("dispute", key="k"),
            lambda: server.fetch_fraud_warning("warning"),
        ],
    }

    for ability, tried in calls.items():
        assert ability not in server.abilities
        for call in tried:
            with pytest.raises(NotOffered):
                call()


def test_a_device_need_not_reach_the_voucher_server() -> None:
    assert VoucherServer().device_hosts() == frozenset()
