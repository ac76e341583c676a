"""`/account/plans/<reference>/change/`: from the choice of a dearer plan to its confirmation."""

import re

import pytest
from django.test import Client

from orders.models import Draft, Order
from orders.states import OrderState
from plans.models import Plan, PlanPrice
from subscriptions.domain import cancelling
from subscriptions.models import SimOnLine, Subscription
from tests.builders import GB, make_plan
from tests.orders.conftest import settled
from tests.subscriptions.renewals import DAY, SOLD, Renewal

PAGE = "/account/plans/R1/change/"


@pytest.fixture
def monthly(monthly: Renewal) -> Renewal:
    """Let half of the month pass that Alice has paid: $25.00 for 5 GB."""
    monthly.pass_to(SOLD + 14 * DAY)
    return monthly


@pytest.fixture
def large() -> Plan:
    return make_plan(code="large", category="recurring", data_bytes=20 * GB, minor_units=4000)


def form_of(page: str) -> dict[str, str]:
    """Return the hidden fields of the page's form."""
    fields = re.findall(r'<input type="hidden" name="(draft|version)" value="(\d+)"', page)
    return dict(fields)


def choose(browser: Client, plan: Plan) -> str:
    """Choose the plan, and return where that leads."""
    form = form_of(browser.get(PAGE).text)
    answer = browser.post(PAGE, {**form, "plan": plan.pk})
    assert answer.status_code == 303
    return answer.headers["Location"]


def test_a_dearer_plan_is_chosen_reviewed_and_bought(
    monthly: Renewal, large: Plan, as_alice: Client
) -> None:
    assert f'href="{PAGE}"' in as_alice.get("/account/plans/R1/").text
    page = as_alice.get(PAGE).text
    assert "Begins today. You pay $27.50 now: the unused part of Monthly 5 is taken off." in page

    assert choose(as_alice, large) == "/review/"

    review = as_alice.get("/review/").text
    assert "We take off <bdi>$12.50</bdi> for the unused part of <bdi>Monthly 5</bdi>." in review
    consent = "I agree that Kestrel Mobile charges $40.00 to Visa ending in 4242 every month"
    assert consent in review
    assert f'href="{PAGE}"' in review
    draft = Draft.objects.get()
    form = {"draft": draft.pk, "version": draft.version}
    refused = as_alice.post("/review/", form)
    assert "Tick this box" in as_alice.get(refused.headers["Location"]).text
    monthly.move_to(SOLD + 14 * DAY + DAY / 1440)
    as_alice.post("/review/", {**form, "consent": f"{consent} until I cancel."})
    order = settled(Order.objects.get())
    assert order.state == OrderState.COMPLETED
    done = as_alice.get(f"/orders/{order.number}/").text
    assert "$27.50" in done
    assert "for $40.00" in done
    assert "$40.00" in as_alice.get("/account/plans/R1/").text


def test_a_plan_that_cannot_be_changed_says_why(
    monthly: Renewal, large: Plan, as_alice: Client
) -> None:
    form = form_of(as_alice.get(PAGE).text)
    cancelling.cancel(Subscription.objects.get())

    late = as_alice.post(PAGE, {**form, "plan": large.pk}, follow=True)

    assert "This plan is cancelled. Undo the cancellation first" in late.text
    assert "change-plan" not in as_alice.get(PAGE).text


def test_a_review_that_is_too_late_leads_back_to_the_plan(
    monthly: Renewal, large: Plan, as_alice: Client
) -> None:
    choose(as_alice, large)
    cancelling.cancel(Subscription.objects.get())

    answer = as_alice.get("/review/")

    assert answer.headers["Location"] == "/account/plans/R1/"


def test_there_may_be_no_other_plan(monthly: Renewal, as_alice: Client) -> None:
    make_plan(code="euro", category="recurring", minor_units=9000, currency="EUR")

    page = as_alice.get(PAGE).text

    assert "There is no other monthly plan here" in page


def test_a_plan_that_was_taken_off_sale_is_not_chosen(
    monthly: Renewal, large: Plan, as_alice: Client
) -> None:
    make_plan(code="huge", category="recurring", minor_units=9000)
    form = form_of(as_alice.get(PAGE).text)
    PlanPrice.objects.filter(plan=large).delete()

    answer = as_alice.post(PAGE, {**form, "plan": large.pk}, follow=True)

    assert "This plan is no longer available" in answer.text


def test_a_form_of_another_draft_changes_nothing(
    monthly: Renewal, large: Plan, as_alice: Client
) -> None:
    form = form_of(as_alice.get(PAGE).text)
    as_alice.post(PAGE, {**form, "version": "99", "plan": large.pk})
    as_alice.post(PAGE, {**form, "plan": ""})

    assert Draft.objects.get().plan is None


def test_without_a_method_the_payment_page_comes_first(
    monthly: Renewal, large: Plan, as_alice: Client
) -> None:
    Subscription.objects.update(mandate=None)

    assert choose(as_alice, large) == "/payment/"


def test_a_line_without_a_sim_leads_back_to_the_plan(
    monthly: Renewal, large: Plan, as_alice: Client
) -> None:
    SimOnLine.objects.update(until=SOLD + 14 * DAY)

    assert choose(as_alice, large) == "/account/plans/R1/"
