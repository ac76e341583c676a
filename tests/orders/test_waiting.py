"""What the order page's script is told: 204 as long as the page shows what there is."""

import re

import pytest
from django.test import Client

from accounts.models import User
from mobileplans.models import Visit
from moportal.web.progress import SHOWN
from orders.models import Order
from orders.states import OrderState
from tests.builders import make_order

AWAY = "No connection at the moment"
SLOW = "Longer than usual"


@pytest.fixture
def address(shopping: Client, alice: User) -> str:
    order = make_order(alice, visit=Visit.objects.latest("pk"))
    return f"/orders/{order.number}/"


def shown_by(page: str) -> str:
    found = re.search(r'data-poll="([0-9a-f]{16})"', page)
    assert found
    return found[1]


def test_while_nothing_changes_the_answer_has_no_body(shopping: Client, address: str) -> None:
    shown = shown_by(shopping.get(address).text)

    for _ in range(2):
        answer = shopping.get(address, headers={SHOWN: shown})

        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Content-Type" not in answer.headers


def test_after_a_change_the_answer_is_the_changed_parts(shopping: Client, address: str) -> None:
    shown = shown_by(shopping.get(address).text)
    Order.objects.update(state=OrderState.IN_PROGRESS, last_error="GatewayUnavailable: x")

    answer = shopping.get(address, headers={SHOWN: shown})

    assert answer.status_code == 200
    assert "been charged" in answer.text
    assert shown_by(answer.text) != shown
    assert re.findall(r"<(?:title|main|footer|head|script)\b", answer.text) == [
        "<title",
        "<main",
        "<footer",
    ]
    again = shopping.get(address, headers={SHOWN: shown_by(answer.text)})
    assert again.status_code == 204


def test_the_end_of_an_order_is_a_change_and_names_nothing_to_wait_for(
    shopping: Client, address: str
) -> None:
    shown = shown_by(shopping.get(address).text)
    Order.objects.update(state=OrderState.CANCELLED)

    answer = shopping.get(address, headers={SHOWN: shown})

    assert "Your order was cancelled" in answer.text
    assert "data-poll" not in answer.text
    assert AWAY not in answer.text


def test_a_browser_gets_the_whole_page(shopping: Client, address: str) -> None:
    page = shopping.get(address)

    assert page.text.lstrip().startswith("<!DOCTYPE html>")
    assert shown_by(page.text) == shown_by(shopping.get(address, headers={SHOWN: "?"}).text)


def test_of_another_customers_order_nothing_is_told(
    shopping: Client, address: str, client: Client, bob: User
) -> None:
    shown = shown_by(shopping.get(address).text)
    client.force_login(bob)

    assert client.get(address, headers={SHOWN: shown}).status_code == 404


def test_a_forms_token_is_no_change_and_still_works(shopping: Client, address: str) -> None:
    first, second = (shopping.get(address).text for _ in range(2))

    tokens = [
        re.findall(r'csrfmiddlewaretoken" value="(\w{64})"', page) for page in (first, second)
    ]

    assert tokens[0] != tokens[1]
    assert all(tokens)
    assert shown_by(first) == shown_by(second)


def test_that_it_takes_long_is_said_once(shopping: Client, address: str) -> None:
    page = shopping.get(address).text
    assert AWAY in page
    assert SLOW in page

    Order.objects.update(state=OrderState.IN_PROGRESS, last_error="GatewayUnavailable: x")

    page = shopping.get(address).text
    assert AWAY in page
    assert SLOW not in page
