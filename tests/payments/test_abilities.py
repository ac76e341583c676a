"""What a gateway has not declared is neither called nor offered."""

import pytest
from django.test import Client

from accounts.models import User
from payments.domain import pages
from payments.domain import payments as domain
from payments.gateways import offers
from payments.gateways.base import Ability, NotOffered, WithoutCode
from payments.gateways.simulator import SimulatorGateway
from payments.models import CardPage, GatewayCall
from tests.payments.conftest import card


@pytest.fixture(autouse=True)
def able_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the adapter declare no ability."""
    monkeypatch.setattr(SimulatorGateway, "abilities", frozenset())


def test_a_gateway_offers_what_it_declares(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not offers("simulator", Ability.CARD_ENTRY)

    monkeypatch.setattr(SimulatorGateway, "abilities", frozenset({Ability.CARD_ENTRY}))

    assert offers("simulator", Ability.CARD_ENTRY)
    assert not offers("simulator", Ability.HOSTED_PAGE)


def test_without_card_entry_no_card_is_sent(alice: User, gateway: str) -> None:
    with pytest.raises(NotOffered, match="card_entry"):
        domain.add_card(alice, card())

    assert not GatewayCall.objects.exists()


def test_without_codes_none_is_confirmed() -> None:
    with pytest.raises(NotOffered, match="code"):
        WithoutCode().confirm_code("p", "", "123456", key="k")


def test_without_a_page_none_is_asked_for(alice: User) -> None:
    with pytest.raises(NotOffered, match="hosted_page"):
        pages.request_page(alice, key=CardPage().key, return_url="http://127.0.0.1/back/")

    assert not CardPage.objects.exists()


def test_without_events_every_post_is_refused(alice: User, client: Client) -> None:
    answer = client.post("/payments/webhook", "{}", content_type="application/json")

    assert answer.status_code == 400
    assert "posts no events" in answer.text
