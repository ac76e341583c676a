"""Mandates at the desk: what was agreed, and the end that staff may set."""

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from accounts.models import User
from moportal.money import Money
from payments.domain import payments as domain
from payments.models import Mandate
from payments.states import MandateEnd
from tests.payments.conftest import agree, card

MANDATES = "/admin/payments/mandate/"


@pytest.fixture
def desk(client: Client, clara: User) -> Client:
    client.force_login(clara)
    return client


@pytest.fixture
def mandate(alice: User, gateway: str) -> Mandate:
    return agree(domain.add_card(alice, card()), limit=Money(1900, "USD"))


def end(desk: Client, mandate: Mandate, **typed: str) -> tuple[str, list[str]]:
    """Post the action, and return the page and what it tells."""
    answer = desk.post(MANDATES, {"action": "end", "_selected_action": [mandate.pk], **typed})
    return answer.text, [str(told) for told in get_messages(answer.wsgi_request)]


def test_staff_find_a_customers_mandates_and_read_what_was_agreed(
    desk: Client, mandate: Mandate
) -> None:
    assert "plan 1" in desk.get(f"{MANDATES}?q=Alice@Example.com").text

    shown = desk.get(f"{MANDATES}{mandate.pk}/change/").text

    assert "Charge my card each month." in shown
    assert "$19.00" in shown
    assert "alice@example.com" in shown


def test_without_a_limit_the_page_says_so(desk: Client, mandate: Mandate) -> None:
    Mandate.objects.update(highest_minor_units=None, currency="")

    assert "No limit was agreed" in desk.get(f"{MANDATES}{mandate.pk}/change/").text


def test_staff_end_a_mandate_with_a_reason(desk: Client, mandate: Mandate) -> None:
    asked, _told = end(desk, mandate)
    assert "the customer must agree once more" in asked

    _page, told = end(desk, mandate, because="asked by phone")

    assert told == ["Nothing more is charged under these mandates."]
    mandate.refresh_from_db()
    assert (mandate.end_reason, mandate.note) == (MandateEnd.STAFF, "asked by phone")
    assert "asked by phone" in desk.get(f"{MANDATES}{mandate.pk}/history/").text


def test_a_mandate_that_has_ended_stays_as_it_is(desk: Client, mandate: Mandate) -> None:
    end(desk, mandate, because="asked by phone")

    _page, told = end(desk, mandate, because="again")

    assert told[-1] == "These mandates have ended already."
    mandate.refresh_from_db()
    assert mandate.note == "asked by phone"
