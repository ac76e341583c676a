"""The launch and the handoff as pages (docs/contract.md#launch, docs/contract.md#handoff)."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import CodeRequest, User
from esim.models import Sim
from mobileplans.models import Handoff, LpaReport, Visit
from subscriptions.models import Line, SimOnLine
from tests.builders import EID, make_card, make_pool
from tests.conftest import PASSWORD


def test_the_launch_redirects_away_from_its_address(client: Client, db: None) -> None:
    answer = client.get(f"/?market=US&location=US&eid={EID}&transactionId=a%2Fb+c")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-up/")
    visit = client.session["unsaved_visit"]
    assert (visit["transaction_id"], visit["eid"], visit["market"]) == ("a/b+c", EID, "US")


def test_a_browser_that_knows_an_account_is_led_to_sign_in(client: Client, alice: User) -> None:
    client.post("/sign-in/", {"username": alice.username, "password": PASSWORD})
    client.post("/leave/")

    assert client.get(f"/?eid={EID}").headers["Location"] == "/sign-in/"


def test_a_signed_in_customer_goes_straight_to_the_options(as_alice: Client) -> None:
    assert as_alice.get(f"/?eid={EID}").headers["Location"] == "/options/"


def test_a_code_goes_to_no_number_whose_sim_the_launch_found(as_alice: Client, alice: User) -> None:
    card, other = make_card(), make_card()
    Sim.objects.filter(pk=card.pk).update(msisdn="12025550142")
    line = Line.objects.create(account=alice, msisdn="12025550143")
    SimOnLine.objects.create(line=line, sim=card, since=now())
    page = "/account/addresses/add/"

    for iccid, refused in [(card.iccid, True), (other.iccid, False), ("", False)]:
        as_alice.get(f"/?iccid={iccid}")
        for number in ("+12025550142", "+12025550143"):
            answer = as_alice.post(page, {"address": number})
            assert (answer.headers["Location"] == page) is refused
    assert CodeRequest.objects.count() == 4


def test_utf8_that_is_not_percent_encoded_is_decoded(client: Client, db: None) -> None:
    client.get("/", QUERY_STRING="transactionId=é".encode().decode("latin-1"))

    assert client.session["transaction_id"] == "é"


@pytest.mark.parametrize("space", [b"\xe2\x80\xaf", b"\xa0", b" \xe2\x80\x8e"])
def test_one_odd_byte_in_a_header_loses_no_lpa_error(
    client: Client, db: None, space: bytes
) -> None:
    """Windows writes U+202F before PM, and some programs send one byte of Windows-1252."""
    time = (b"11/14/2018 3:07:05" + space + b"PM").decode("latin-1")
    client.get("/", headers={"X-MP-LPAError-Codes": "CardBusy", "X-MP-LPAError-TimeStamps": time})

    (error,) = LpaReport.objects.all()
    assert error.at == datetime(2018, 11, 14, 15, 7, 5, tzinfo=UTC)
    assert error.at_as_sent.startswith("11/14/2018 3:07:05")


def test_strangers_cannot_store_lpa_errors_without_end(
    client: Client, alice: User, settings: Settings
) -> None:
    settings.STRANGER_VISITS = 2
    error = {"X-MP-LPAError-Codes": "CardBusy"}
    answers = [client.get("/", headers=error) for _ in range(3)]

    assert {answer.headers["Location"] for answer in answers} == {"/esim-problem/"}
    assert Visit.objects.count() == LpaReport.objects.count() == 2
    assert client.get("/esim-problem/").headers["Location"] == "/sign-in/"

    client.force_login(alice)
    client.get("/", headers=error)
    assert LpaReport.objects.count() == 3


@pytest.mark.parametrize("headers", [{}, {"X-MP-LPAError-Codes": "CardBusy"}])
def test_failed_sign_ins_are_counted_until_leaving(
    client: Client, alice: User, headers: dict[str, str]
) -> None:
    client.get(f"/?market=US&eid={EID}", headers=headers)
    for _ in range(settings.SIGN_IN_LIMIT):
        client.post("/sign-in/", {"username": alice.username, "password": "wrong"})
    client.post("/leave/")

    assert Handoff.objects.get().mo_direct_status == "LogOnFailed"


def test_a_failed_sign_in_without_a_request_counts_for_no_visit(client: Client, db: None) -> None:
    assert not client.login(username="nobody@example.com", password="wrong")
    assert not Visit.objects.exists()


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("eid=1", "InvalidSIM"),
        ("iccid=8949449999999990023", "InvalidSIM"),
        ("market=XX", "ClientError"),
    ],
)
def test_a_refused_launch_shows_a_page_that_can_be_left(
    client: Client, db: None, query: str, status: str
) -> None:
    answer = client.get(f"/?{query}&transactionId=T1")
    page = client.get("/launch-refused/")
    client.post("/leave/")

    assert answer.headers["Location"] == "/launch-refused/"
    assert page.status_code == 200
    assert Handoff.objects.get().mo_direct_status == status


def test_a_refused_launch_sells_nothing(as_alice: Client) -> None:
    as_alice.get("/?eid=1")

    for page in ("/options/", "/plans/", "/payment/", "/review/"):
        assert as_alice.get(page).headers["Location"] == "/launch-refused/"


def test_only_a_card_in_the_programme_is_accepted_as_a_sim(client: Client, db: None) -> None:
    (profile,) = make_pool(1)
    excluded = make_card(is_in_programme=False)
    card = make_card()

    for sim, refused in ((profile, "InvalidSIM"), (excluded, "InvalidSIM"), (card, "")):
        client.get(f"/?iccid={sim.iccid}")
        assert client.session["unsaved_visit"]["refused_as"] == refused


@pytest.fixture
def handed_over(client: Client, alice: User) -> Client:
    """Return a browser that has just left: signed out, with the handoff page still to open."""
    client.get(f"/?market=US&eid={EID}&transactionId=T1")
    client.post("/sign-in/", {"username": alice.username, "password": PASSWORD})
    client.get("/options/")
    client.post("/leave/")
    return client


def test_leaving_ends_the_session_on_the_server(handed_over: Client) -> None:
    assert not Session.objects.filter(session_data__contains="_auth_user_id").exists()
    assert settings.SESSION_COOKIE_NAME not in {
        name for name, cookie in handed_over.cookies.items() if cookie.value
    }
    assert handed_over.get("/account/").headers["Location"].startswith("/sign-in/")


def test_a_reload_hands_over_the_same_outcome_again(handed_over: Client) -> None:
    # The page has a signed token, which contains the time.
    with time_machine.travel(now(), tick=False):
        first, second = handed_over.get("/handoff/"), handed_over.get("/handoff/")

    assert first.content == second.content
    assert "&quot;" not in first.text.split('id="handoff"')[1].split("</script>")[0]
    assert first.headers["Clear-Site-Data"] == '"storage"'
    assert first.headers["Cache-Control"] == "no-store"


def test_without_the_cookie_no_outcome_is_shown(handed_over: Client) -> None:
    handed_over.cookies.clear()

    page = handed_over.get("/handoff/").text

    assert 'id="handoff"' not in page
    assert "You are signed out" in page


def test_after_half_an_hour_no_outcome_is_shown(handed_over: Client) -> None:
    Handoff.objects.update(expires_at=now() - timedelta(seconds=1))

    assert 'id="handoff"' not in handed_over.get("/handoff/").text


def test_a_customer_who_stayed_continues_with_the_same_device(
    handed_over: Client, alice: User
) -> None:
    handed_over.post("/sign-in/", {"username": alice.username, "password": PASSWORD})
    handed_over.get("/options/")

    visit = Visit.objects.get()
    assert (visit.eid, visit.account, visit.step) == (EID, alice, "options")
