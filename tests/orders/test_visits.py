"""Who is shown the result of a visit, and what survives the end of its session."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.utils.timezone import now

from accounts.models import User
from mobileplans.domain.handoffs import stored_outcome
from mobileplans.models import Handoff, Visit
from orders.models import Order
from tests.builders import EID, make_draft, make_pool
from tests.conftest import PASSWORD
from tests.orders.conftest import new_card, settled

LAUNCH = f"/?market=US&location=US&transactionId=T1&eid={EID}"


@pytest.fixture
def given(as_alice: Client, alice: User, gateway: str, smdp: str) -> Client:
    """Return the browser in which Alice has bought an eSIM and chosen Continue."""
    make_pool()
    as_alice.get(LAUNCH)
    draft = make_draft(alice, visit=Visit.objects.get(), method=new_card(alice))
    as_alice.post("/review/", {"draft": draft.pk, "version": draft.version})
    order = settled(Order.objects.get())
    as_alice.post(f"/orders/{order.number}/continue/")
    assert _code() in as_alice.get("/handoff/").text
    return as_alice


def _code() -> str:
    return Handoff.objects.earliest("pk").activation_code


def _end_the_cookies_time(browser: Client) -> None:
    Handoff.objects.update(expires_at=now() - timedelta(seconds=1))
    del browser.cookies[settings.HANDOFF_COOKIE_NAME]


def _sign_in(browser: Client, user: User) -> None:
    browser.post("/sign-in/", {"username": user.username, "password": PASSWORD})


def test_within_its_time_the_result_is_repeated_but_not_prolonged(given: Client) -> None:
    before = Handoff.objects.get()

    given.post("/leave/")

    assert Handoff.objects.get().expires_at == before.expires_at
    assert _code() in given.get("/handoff/").text


def test_after_its_time_a_signed_out_browser_is_not_shown_the_code(given: Client) -> None:
    given.post("/leave/")
    given.get("/esim-problem/")
    _end_the_cookies_time(given)

    given.post("/leave/")

    assert _code() not in given.get("/handoff/").text
    assert not stored_outcome(Handoff.objects.latest("pk")).success


@pytest.mark.parametrize("is_late", [False, True], ids=["within its time", "after its time"])
def test_another_customer_in_the_same_browser_is_not_shown_the_code(
    given: Client, bob: User, *, is_late: bool
) -> None:
    given.get("/esim-problem/")
    if is_late:
        _end_the_cookies_time(given)
    _sign_in(given, bob)

    assert _code() not in given.get("/handoff/").text
    given.post("/leave/")

    assert _code() not in given.get("/handoff/").text
    assert not stored_outcome(Handoff.objects.latest("pk")).success


def test_after_its_time_the_owner_is_shown_the_code_after_sign_in(
    given: Client, alice: User
) -> None:
    given.get("/esim-problem/")
    _end_the_cookies_time(given)
    _sign_in(given, alice)

    given.post("/leave/")

    assert _code() in given.get("/handoff/").text


def test_a_visit_that_its_owner_opened_elsewhere_hands_nothing_to_a_signed_out_browser(
    given: Client, alice: User
) -> None:
    given.get("/esim-problem/")
    _end_the_cookies_time(given)
    Visit.objects.update(account=alice)

    given.post("/leave/")

    assert _code() not in given.get("/handoff/").text
