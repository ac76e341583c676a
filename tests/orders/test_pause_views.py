"""What customers see while sales are paused: the reason once, and nothing that they have lost."""

import re

import pytest
from django.test import Client
from django.utils.timezone import now

from accounts.models import User
from mobileplans.models import Visit
from orders.models import Draft, Order, SalesPause
from orders.states import OrderState
from payments.models import PaymentMethod
from subscriptions.models import Subscription
from tests.builders import OTHER_EID, PAUSED, make_draft, make_pause, make_plan, make_provider
from tests.conftest import PASSWORD
from tests.orders.conftest import settled
from tests.orders.journey import ready, sent, where
from tests.orders.test_consent import CONSENT, box
from tests.selfcare import test_plan_changes, test_plan_choice, test_top_up
from tests.selfcare.test_plan_payment import EXPIRY_YEAR
from tests.subscriptions.renewals import DAY, SOLD, Renewal, make_monthly

PREPAID = "/plans/?category=prepaid"


def end_pauses() -> None:
    SalesPause.objects.update(ends_at=now())


def radios(page: str) -> dict[str, bool]:
    """Return whether each plan of the page, by its key, can be chosen."""
    found = re.findall(r'<input class="plan-radio"[^>]*>', page)
    return {re.findall(r'value="(\d+)"', one)[0]: "disabled" not in one for one in found}


def test_a_paused_plan_is_shown_with_the_reason_and_cannot_be_chosen(shopping: Client) -> None:
    day, month = make_plan(code="day"), make_plan(code="month")
    make_pause(plan=day)

    page = shopping.get(PREPAID).text

    assert radios(page) == {str(day.pk): False, str(month.pk): True}
    assert page.count(PAUSED) == 1


@pytest.mark.parametrize("address", ["/options/", PREPAID])
def test_if_everything_is_paused_the_page_says_so_once_instead_of_the_plans(
    shopping: Client, address: str
) -> None:
    make_plan(code="day")
    make_plan(code="month")
    make_pause()

    page = shopping.get(address).text

    assert page.count(PAUSED) == 1
    assert "Day" not in page
    assert 'href="/plans/' not in page
    assert "Every plan shown here" not in page
    assert "No plans" not in page


def test_a_plan_that_was_paused_while_the_page_was_open_is_not_chosen(shopping: Client) -> None:
    day = make_plan(code="day")
    make_plan(code="month")
    shopping.get(PREPAID)
    make_pause(plan=day)

    answer = shopping.post(PREPAID, sent(Draft.objects.get(), plan=day.pk))

    assert where(answer) == (303, PREPAID)
    # At the field and on the tile.
    assert shopping.get(PREPAID).text.count(PAUSED) == 2
    assert Draft.objects.get().plan is None


def test_an_order_form_that_was_open_is_refused_and_can_be_sent_after_the_pause(
    shopping: Client, alice: User
) -> None:
    draft = ready(alice)
    shopping.get("/review/")
    make_pause()
    draft.refresh_from_db()

    assert where(shopping.post("/review/", sent(draft))) == (303, "/review/")
    page = shopping.get("/review/").text
    assert page.count(PAUSED) == 1
    assert "Traveller" in page
    assert "Submit order" not in page
    assert not Order.objects.exists()

    end_pauses()
    assert "Submit order" in shopping.get("/review/").text
    assert where(shopping.post("/review/", sent(draft)))[1].startswith("/orders/")


def test_a_tick_is_kept_through_the_pause(shopping: Client, alice: User, gateway: str) -> None:
    draft = make_draft(alice, visit=Visit.objects.latest("pk"), plan=make_monthly())
    make_pause()

    shopping.post("/review/", sent(draft, consent=CONSENT))
    end_pauses()

    assert "checked" in box(shopping.get("/review/").text)


# -- In the account --------------------------------------------------------------------------------


@pytest.fixture
def laptop(running: Subscription) -> Client:
    """Return Alice's browser on a device that has no plan yet."""
    client = Client()
    client.get(f"/?market=US&location=US&transactionId=T2&eid={OTHER_EID}")
    client.post("/sign-in/", {"username": running.line.account.username, "password": PASSWORD})
    return client


def test_a_running_plan_that_is_paused_takes_no_device_and_says_why(
    laptop: Client, running: Subscription
) -> None:
    laptop.get("/lines/")
    make_pause()

    page = laptop.get("/lines/").text
    assert page.count(PAUSED) == 1
    assert f'value="{running.reference}"' not in page
    draft = Draft.objects.get(submitted_at=None)
    answer = laptop.post("/lines/", sent(draft, plan=running.reference))

    assert where(answer) == (303, "/lines/")
    assert Draft.objects.get(submitted_at=None).running_plan is None


def test_a_device_that_was_chosen_before_the_pause_is_kept(
    laptop: Client, running: Subscription
) -> None:
    laptop.get("/lines/")
    draft = Draft.objects.get(submitted_at=None)
    laptop.post("/lines/", sent(draft, plan=running.reference))
    make_pause()

    assert PAUSED in laptop.get("/review/").text
    end_pauses()
    draft.refresh_from_db()
    laptop.post("/review/", sent(draft))

    assert settled(Order.objects.latest("pk")).state == OrderState.COMPLETED


@pytest.fixture
def monthly(monthly: Renewal) -> Renewal:
    """Let half of the month pass that Alice has paid: $25.00 for 5 GB."""
    monthly.pass_to(SOLD + 14 * DAY)
    PaymentMethod.objects.update(expiry_year=EXPIRY_YEAR)
    return monthly


@pytest.mark.parametrize("how_much", ["one", "all"])
def test_neither_data_nor_another_plan_is_sold_in_the_account(
    monthly: Renewal, as_alice: Client, how_much: str
) -> None:
    large = make_plan(code="large", category="recurring", minor_units=4000)
    more = make_plan(code="more", minor_units=500)
    make_plan(code="other", minor_units=600)
    make_plan(code="another", category="recurring", minor_units=5000)
    for plan in [large, more] if how_much == "one" else [None]:
        make_pause(plan=plan)

    for address, plan in ((test_plan_changes.PAGE, large), (test_top_up.ADD, more)):
        page = as_alice.get(address).text
        assert page.count(PAUSED) == 1
        can_be_chosen = radios(page)
        assert can_be_chosen.get(str(plan.pk)) is (False if how_much == "one" else None)
        assert len(can_be_chosen) == (2 if how_much == "one" else 0)


def test_data_and_another_plan_are_sold_for_a_sim_in_use_while_the_provider_is_paused(
    monthly: Renewal, as_alice: Client
) -> None:
    large = make_plan(code="large", category="recurring", minor_units=4000)
    more = make_plan(code="more", minor_units=500)
    make_pause(provider=make_provider())

    assert test_plan_changes.choose(as_alice, large) == "/review/"
    assert "Submit order" in as_alice.get("/review/").text
    assert test_top_up.choose(as_alice, more) == "/review/"


def test_no_cheaper_plan_is_agreed_to_while_it_is_paused(
    monthly: Renewal, as_alice: Client
) -> None:
    small = make_plan(code="small", category="recurring", minor_units=1500)
    make_pause(plan=small)

    answer = as_alice.get(test_plan_choice.page_of(small))

    assert where(answer) == (303, test_plan_changes.PAGE)
    # As a message and on the tile.
    assert as_alice.get(test_plan_changes.PAGE).text.count(PAUSED) == 2
