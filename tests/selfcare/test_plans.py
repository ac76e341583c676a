"""`/account/plans/`: a plan's page, and what its customer decides there."""

import re
from collections.abc import Iterator
from datetime import datetime

import pytest
from django.test import Client
from django.utils.timezone import now

from accounts.models import User
from subscriptions.domain import cancelling, lifecycle
from subscriptions.models import Line, Subscription, UsageRecord
from subscriptions.states import ParkReason
from tests.builders import GB, make_card, make_plan
from tests.subscriptions.renewals import DAY, HOUR, SOLD, Renewal, sell

NO_MONEY = "4000000000000341"
FEBRUARY = SOLD + 28 * DAY
PAGE = "/account/plans/R1/"


@pytest.fixture
def refused(alice: User, gateway: str, network: str) -> Iterator[Renewal]:
    with sell(alice, gateway, network, number=NO_MONEY) as renewal:
        yield renewal


def words(browser: Client, address: str) -> str:
    """Return the page's text on one line."""
    return " ".join(browser.get(address).text.split())


def press(browser: Client, address: str, **fields: str) -> str:
    """Send an action's form and return the plan's page, which says what came of it."""
    answer = browser.post(address, fields)
    assert (answer.status_code, answer.headers["location"]) == (303, PAGE)
    return words(browser, PAGE)


def test_a_plan_that_renews_says_when_and_for_how_much(as_alice: Client, monthly: Renewal) -> None:
    for page in (words(as_alice, "/account/"), words(as_alice, PAGE)):
        assert "Renews on Feb. 28, 2025 for $25.00" in page
        assert "<strong>5 GB</strong> of 5 GB left" in page
        assert "28 days left" in page
    assert f'href="{PAGE}"' in words(as_alice, "/account/")
    assert "Visa ending in 4242" in words(as_alice, PAGE)


def test_a_plan_is_cancelled_after_its_page_said_when_it_ends(
    as_alice: Client, monthly: Renewal
) -> None:
    assert "You can use the plan until <strong>Feb. 28, 2025</strong>." in words(
        as_alice, f"{PAGE}cancel/"
    )

    page = press(as_alice, f"{PAGE}cancel/")

    assert "Cancelled. The plan ends on Feb. 28, 2025, and nothing more is charged." in page
    assert "Cancelled: ends on Feb. 28, 2025" in page
    assert "Cancelled: ends on Feb. 28, 2025" in words(as_alice, "/account/")
    # A second press, for example after Back, changes nothing.
    assert "Cancelled. The plan ends on Feb. 28, 2025" in press(as_alice, f"{PAGE}cancel/")


def test_a_cancel_is_undone_after_its_page_said_what_is_charged(
    as_alice: Client, monthly: Renewal
) -> None:
    cancelling.cancel(monthly.subscription)
    page = words(as_alice, f"{PAGE}cancel/undo/")
    assert "renews on <strong>Feb. 28, 2025</strong> for <bdi>$25.00</bdi>" in page
    assert "charged to <bdi>Visa ending in 4242</bdi>" in page

    page = press(as_alice, f"{PAGE}cancel/undo/")

    assert "The cancellation is undone." in page
    assert "Renews on Feb. 28, 2025 for $25.00" in page


@pytest.mark.parametrize("action", ["cancel/", "cancel/undo/"])
def test_a_plan_that_has_ended_is_shown_and_nothing_can_be_done(
    as_alice: Client, monthly: Renewal, action: str
) -> None:
    cancelling.cancel(monthly.subscription)
    monthly.pass_to(FEBRUARY + HOUR)

    page = words(as_alice, PAGE)
    assert "Ended on Feb. 28, 2025" in page
    assert "Cancel this plan" not in page
    assert as_alice.get(f"{PAGE}{action}").headers["location"] == PAGE
    assert "This plan has ended already" in press(as_alice, f"{PAGE}{action}")
    assert "Monthly 5" not in words(as_alice, "/account/")


@pytest.mark.parametrize("action", ["", "cancel/", "cancel/undo/", "pay/", "name/"])
def test_nobody_reaches_the_plan_of_another(
    client: Client, monthly: Renewal, bob: User, action: str
) -> None:
    client.force_login(bob)

    assert client.get(f"{PAGE}{action}").status_code == 404
    if action:
        assert client.post(f"{PAGE}{action}").status_code == 404
    monthly.subscription.refresh_from_db()
    assert not monthly.subscription.is_cancelled


def test_a_form_without_its_token_cancels_nothing(alice: User, monthly: Renewal) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)

    strict.cookies["csrftoken"] = "x" * 32
    answer = strict.post(f"{PAGE}cancel/")

    assert answer.headers["location"] == f"{PAGE}cancel/"

    monthly.subscription.refresh_from_db()
    assert not monthly.subscription.is_cancelled


def test_an_overdue_plan_says_until_when_to_pay_and_what_is_left(
    as_alice: Client, refused: Renewal
) -> None:
    refused.pass_to(FEBRUARY + HOUR)

    page = words(as_alice, "/account/")

    assert "Payment overdue: pay $25.00 by March 7, 2025" in page
    assert "Until then you can use a small part of your data." in page
    assert "<strong>500 MB</strong> of 500 MB left" in page
    assert "The plan ends now" in words(as_alice, f"{PAGE}cancel/")
    assert "Cancelled. The plan ends now" in press(as_alice, f"{PAGE}cancel/")


def test_a_plan_on_hold_is_on_the_account_without_any_data(
    as_alice: Client, refused: Renewal
) -> None:
    refused.pass_to(FEBRUARY + 8 * DAY)

    page = words(as_alice, "/account/")

    assert "On hold since March 7, 2025" in page
    assert "A new month begins when you pay $25.00." in page
    assert "the plan ends on March 30, 2025" in page
    assert "Data left" not in page
    assert "Begins when you pay" in words(as_alice, PAGE)
    assert 'button-primary" href="/account/plans/R1/pay/">Choose how to pay' in page


def test_a_parked_plan_says_that_nothing_is_charged(as_alice: Client, monthly: Renewal) -> None:
    Subscription.objects.update(parked_because=ParkReason.FAULT)

    page = words(as_alice, "/account/")

    assert "looking into this plan" in page
    assert "Nothing is charged meanwhile." in page


def test_a_prepaid_plan_has_a_page_without_a_cancel(as_alice: Client, alice: User) -> None:
    subscription = lifecycle.prepare(
        alice, sim=make_card(), plan=make_plan(), plan_name="Traveller", reference="R1"
    )
    assert as_alice.get(PAGE).status_code == 404
    lifecycle.start(subscription, at=now())

    page = words(as_alice, PAGE)

    assert "Valid until" in page
    assert "Cancel this plan" not in page
    lifecycle.end(subscription)
    assert "Ended on" in words(as_alice, PAGE)


def use(line: Line, at: datetime, size: int) -> None:
    UsageRecord.objects.create(
        source="charging",
        record_id=str(UsageRecord.objects.count()),
        day=at.date(),
        iccid="8944000000000000001",
        line=line,
        country="US",
        bytes=size,
        used_at=at,
        received_at=at,
    )


def test_the_use_of_a_month_is_drawn_day_by_day_with_its_numbers(
    as_alice: Client, monthly: Renewal
) -> None:
    assert "No data was used." in words(as_alice, PAGE)
    line = monthly.subscription.line
    for days, size in ((0, GB), (0, GB), (1, GB // 2), (40, GB)):
        use(line, SOLD - days * DAY, size)

    page = words(as_alice, PAGE)

    bars = re.findall(r'<rect class="use-bar" x="(\d+)" y="(\d+)" width="14" height="(\d+)"', page)
    assert bars == [("563", "72", "24"), ("583", "0", "96")]
    assert "<strong>2.5 GB</strong>" in page
    assert "Most on one day: 2 GB" in page
    assert '<th scope="row">Jan. 30, 2025</th> <td>500 MB</td>' in page


def test_time_goes_from_right_to_left_in_arabic(as_alice: Client, monthly: Renewal) -> None:
    use(monthly.subscription.line, SOLD, GB)

    page = as_alice.get(PAGE, headers={"Accept-Language": "ar"}).text

    assert 'x="3" y="0"' in page


def test_a_customer_gives_a_line_a_name(as_alice: Client, monthly: Renewal) -> None:
    page = press(as_alice, f"{PAGE}name/", name="Tablet <b>")

    assert "The name is saved." in page
    assert "Tablet &lt;b&gt;" in page
    assert "Tablet &lt;b&gt;" in words(as_alice, "/account/")
    press(as_alice, f"{PAGE}name/", name="")
    assert "SIM ending in" in words(as_alice, PAGE)


def test_a_line_is_not_named_by_a_card_number(as_alice: Client, monthly: Renewal) -> None:
    answer = as_alice.post(f"{PAGE}name/", {"name": "4242424242424242"})

    assert answer.headers["location"] == f"{PAGE}name/"
    assert Line.objects.get().name == ""


def test_each_paid_month_leads_to_its_receipt(as_alice: Client, monthly: Renewal) -> None:
    monthly.pass_to(FEBRUARY + HOUR)

    page = words(as_alice, PAGE)

    assert page.count("/account/receipts/2025-000001/") == 1
    assert as_alice.get("/account/receipts/2025-000001/").status_code == 200
