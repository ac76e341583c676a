"""Who is shown the result of a visit, and what survives the end of its session."""

import re
from datetime import timedelta
from http import HTTPStatus

import pytest
from django.conf import settings
from django.test import Client
from django.utils.timezone import now

from accounts.models import User
from mobileplans.domain.handoffs import stored_outcome
from mobileplans.models import Handoff, Visit
from orders.models import Draft, Order
from subscriptions.models import Line, SimOnLine
from tests.builders import EID, make_card, make_draft, make_plan, make_pool
from tests.conftest import PASSWORD
from tests.orders.conftest import new_card, settled

LAUNCH = f"/?market=US&location=US&transactionId=T1&eid={EID}"
# The operator's own market, which a visit without a launch gets, is the US.
LAUNCH_ABROAD = f"/?market=DE&location=FR&transactionId=T1&eid={EID}&imei=490154203237518"


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


def test_a_result_without_an_order_is_handed_to_its_signed_in_owner_again(
    as_alice: Client, alice: User
) -> None:
    make_plan()
    as_alice.get(f"/?market=US&location=US&eid={EID}")
    Handoff.objects.create(
        visit=Visit.objects.get(),
        account=alice,
        token_hash="spent",
        language="en",
        expires_at=now() - timedelta(seconds=1),
        user_account="Existing",
        purchase_instrument="None",
        line="Existing",
        mo_direct_status="Complete",
        success=True,
        iccid="8949449999999990023",
        on_esim=True,
        plan_name="Day pass",
    )

    as_alice.post("/leave/")

    assert stored_outcome(Handoff.objects.latest("pk")).iccid == "8949449999999990023"
    assert Handoff.objects.count() == 2


@pytest.fixture
def at_review(as_alice: Client, alice: User, gateway: str) -> Client:
    """Return Alice's browser on the review page, after a launch in another market."""
    as_alice.get(LAUNCH_ABROAD)
    plan = make_plan(market="DE", countries=("FR",), currency="EUR")
    make_draft(alice, visit=Visit.objects.get(), plan=plan, method=new_card(alice))
    assert as_alice.get("/review/").status_code == HTTPStatus.OK
    return as_alice


def _lose_the_session(browser: Client) -> None:
    del browser.cookies[settings.SESSION_COOKIE_NAME]


@pytest.mark.parametrize("page", ["/plans/?category=prepaid", "/payment/", "/review/", "/leave/"])
def test_after_a_lost_session_the_visit_goes_on_where_it_was(
    at_review: Client, alice: User, page: str
) -> None:
    draft = Draft.objects.get()
    _lose_the_session(at_review)

    at_review.post(page, {"draft": draft.pk, "version": draft.version})
    _sign_in(at_review, alice)

    assert at_review.get("/device/").headers["Location"] == "/review/"
    assert at_review.get("/review/").status_code == HTTPStatus.OK
    draft.refresh_from_db()
    visit = draft.visit
    assert (visit.transaction_id, visit.eid, visit.imei) == ("T1", EID, "490154203237518")
    assert (visit.market, visit.location, draft.currency) == ("DE", "FR", "EUR")


def _fill_in(page: str, **typed: str) -> dict[str, str]:
    """Return the form with its hidden fields."""
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return {**dict(hidden), **typed}


def test_a_session_lost_on_the_sign_in_page_does_not_lose_the_launch(
    client: Client, alice: User
) -> None:
    client.get(LAUNCH_ABROAD)
    typed = {"username": alice.username, "password": "wrong"}
    form = _fill_in(client.get("/sign-in/").text, **typed)
    _lose_the_session(client)

    # The form is shown again, and then it is right.
    client.post("/sign-in/", form)
    form = _fill_in(client.get("/sign-in/").text, **{**typed, "password": PASSWORD})
    _lose_the_session(client)
    client.post("/sign-in/", form)
    client.get("/options/")

    visit = Draft.objects.get().visit
    assert (visit.transaction_id, visit.eid, visit.imei) == ("T1", EID, "490154203237518")
    assert (visit.market, visit.location, visit.is_launched) == ("DE", "FR", True)


def test_a_form_does_not_replace_the_launch_of_a_newer_visit(client: Client, alice: User) -> None:
    client.get(LAUNCH_ABROAD)
    form = _fill_in(client.get("/sign-up/").text, username=alice.username, password=PASSWORD)
    client.get(LAUNCH.replace("T1", "T2"))

    client.post("/sign-in/", form)
    client.get("/options/")

    assert Draft.objects.get().visit.transaction_id == "T2"


@pytest.mark.parametrize("copy", ["", "forged", "a:b:c"])
def test_a_forged_launch_in_a_form_is_ignored(client: Client, alice: User, copy: str) -> None:
    typed = {"username": alice.username, "password": PASSWORD}

    client.post("/sign-in/", {**typed, "launch": copy})
    client.get("/options/")

    assert not Draft.objects.get().visit.is_launched


def test_the_handoff_after_a_lost_session_carries_the_launchs_transaction_id(
    at_review: Client, alice: User, smdp: str
) -> None:
    make_pool()
    draft = Draft.objects.get()
    at_review.post("/review/", {"draft": draft.pk, "version": draft.version})
    _lose_the_session(at_review)
    order = settled(Order.objects.get())

    _sign_in(at_review, alice)
    at_review.post(f"/orders/{order.number}/continue/")

    assert Handoff.objects.get().visit.transaction_id == "T1"
    assert "T1" in at_review.get("/handoff/").text


def test_only_a_new_launch_makes_a_new_visit(at_review: Client, alice: User) -> None:
    _lose_the_session(at_review)
    at_review.get(LAUNCH.replace("T1", "T2"))

    _sign_in(at_review, alice)
    at_review.get("/options/")

    assert Draft.objects.get().visit.transaction_id == "T2"


def test_another_customers_sign_in_does_not_take_the_visit(at_review: Client, bob: User) -> None:
    _lose_the_session(at_review)

    _sign_in(at_review, bob)
    at_review.get("/options/")

    assert Draft.objects.get(account=bob).visit.transaction_id != "T1"


def test_a_visit_without_anything_unfinished_is_not_taken_up(given: Client, alice: User) -> None:
    given.cookies.clear()

    _sign_in(given, alice)
    given.get("/options/")

    assert Draft.objects.get(submitted_at=None).visit.transaction_id != "T1"


def test_a_sim_of_another_customer_is_refused_on_arrival(
    client: Client, alice: User, bob: User
) -> None:
    card = make_card()
    line = Line.objects.create(account=bob)
    SimOnLine.objects.create(sim=card, line=line, since=now())
    client.get(f"/?market=US&location=US&iccid={card.iccid}")
    _sign_in(client, alice)

    for page in ("/options/", "/plans/?category=prepaid", "/payment/", "/review/"):
        assert "This SIM belongs to another account" in client.get(page).text
    client.post("/leave/")
    assert Handoff.objects.get().mo_direct_status == "InvalidSIM"

    _sign_in(client, bob)
    assert "another account" not in client.get("/options/").text


@pytest.mark.parametrize(
    "page", ["/orders/0/returned/", "/payment/card/00000000-0000-4000-8000-000000000000/returned/"]
)
def test_a_bank_may_send_the_customer_back_by_post(db: None, page: str) -> None:
    without_cookies = Client(enforce_csrf_checks=True)

    answer = without_cookies.post(page, {"PaRes": "from the bank"})

    assert (answer.status_code, answer.headers["Location"]) == (HTTPStatus.SEE_OTHER, page)
    assert not answer.cookies
