"""`/account/plans/<reference>/change/<number>/`: a cheaper plan, its consent, and its undo."""

import re
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from orders.models import Order
from payments.models import Mandate, PaymentMethod
from plans.models import Plan, PlanPrice
from subscriptions.domain import cancelling, sharing
from subscriptions.models import PlanChange, SimOnLine, Subscription
from tests.builders import GB, make_card, make_plan
from tests.selfcare import test_plans
from tests.selfcare.test_plan_changes import PAGE as CHANGE
from tests.selfcare.test_plan_changes import form_of
from tests.selfcare.test_plan_payment import EXPIRY_YEAR, add_card
from tests.selfcare.test_plans import FEBRUARY, PAGE
from tests.subscriptions.renewals import DAY, HOUR, SOLD, Renewal

UNDO = f"{CHANGE}undo/"


@pytest.fixture
def monthly(monthly: Renewal) -> Renewal:
    """Let half of the month pass that Alice has paid: $25.00 for 5 GB."""
    monthly.pass_to(SOLD + 14 * DAY)
    PaymentMethod.objects.update(expiry_year=EXPIRY_YEAR)
    return monthly


@pytest.fixture
def small() -> Plan:
    return make_plan(code="small", category="recurring", data_bytes=2 * GB, minor_units=1500)


def page_of(plan: Plan) -> str:
    return reverse("plan-choose", args=["R1", plan.pk])


def shown_consent(browser: Client, address: str) -> str:
    found = re.search(r'value="(I agree [^"]+)"', browser.get(address).text)
    assert found
    return found[1]


def words(browser: Client, address: str) -> str:
    """Return the page's text, without its elements."""
    text = re.sub(r"</?(bdi|strong)[^>]*>", "", test_plans.words(browser, address))
    return unescape(" ".join(text.split()))


def send(browser: Client, address: str, **fields: str) -> str:
    """Send the page's form, and return the page that follows."""
    answer = browser.post(address, fields)
    assert answer.status_code == 303
    return words(browser, answer.headers["Location"])


def agree(browser: Client, plan: Plan) -> str:
    """Tick the box, and return the page that follows."""
    address = page_of(plan)
    return send(browser, address, consent=shown_consent(browser, address))


def test_a_plan_that_costs_nothing_is_chosen_and_begins_without_a_payment(
    monthly: Renewal, as_alice: Client, alice: User
) -> None:
    free = make_plan(code="free", category="recurring", data_bytes=GB, minor_units=0)

    page = agree(as_alice, free)
    assert "Changes to Free on Feb. 28, 2025 for $0.00" in page
    monthly.pass_to(FEBRUARY + HOUR)

    assert monthly.charged == []
    # Her session has ended by now.
    as_alice.force_login(alice)
    assert "$0.00 a month" in words(as_alice, PAGE)
    assert "1 GB" in words(as_alice, PAGE)


def test_a_cheaper_plan_is_chosen_agreed_to_and_shown(
    monthly: Renewal, small: Plan, as_alice: Client
) -> None:
    page = words(as_alice, CHANGE)
    assert "Begins on Feb. 28, 2025, for $15.00 a month." in page
    assert "Until then nothing changes and nothing is due." in page
    form = form_of(as_alice.get(CHANGE).text)
    answer = as_alice.post(CHANGE, {**form, "plan": small.pk})
    assert answer.headers["Location"] == page_of(small)
    assert "2 GB" in words(as_alice, page_of(small))

    page = agree(as_alice, small)

    assert "Small begins when this month ends." in page
    assert "Changes to Small on Feb. 28, 2025 for $15.00" in page
    assert "From Feb. 28, 2025, for $15.00 a month" in page
    # The running plan keeps its price.
    assert "$25.00 a month" in page
    assert "Changes to Small on Feb. 28, 2025 for $15.00" in words(as_alice, "/account/")
    assert not Order.objects.exists()
    text = PlanChange.objects.select_related("mandate").get().mandate
    assert text is not None
    assert text.text.endswith(
        "charges $15.00 to Visa ending in 4242 every month, from Feb. 28, 2025 until I cancel."
    )


def test_the_choice_is_undone_after_a_page_that_says_what_then_happens(
    monthly: Renewal, small: Plan, as_alice: Client
) -> None:
    agree(as_alice, small)
    assert f'href="{UNDO}"' in as_alice.get(PAGE).text
    assert f'href="{UNDO}"' in as_alice.get(CHANGE).text
    page = words(as_alice, UNDO)
    assert "The plan renews on Feb. 28, 2025 for $25.00" in page
    assert "It's charged to Visa ending in 4242, as you agreed before." in page

    page = send(as_alice, UNDO)

    assert "The change is undone. You keep Monthly 5." in page
    assert "Renews on Feb. 28, 2025 for $25.00" in page
    assert "There is nothing to undo any more." in send(as_alice, UNDO)
    assert as_alice.get(UNDO).headers["Location"] == PAGE


def test_an_undo_without_a_method_says_that_one_must_be_chosen(
    monthly: Renewal, small: Plan, as_alice: Client
) -> None:
    agree(as_alice, small)
    PlanChange.objects.update(earlier_mandate=None)

    assert "You then have to choose how to pay." in words(as_alice, UNDO)


def test_a_form_that_is_sent_twice_chooses_once(
    monthly: Renewal, small: Plan, as_alice: Client
) -> None:
    consent = shown_consent(as_alice, page_of(small))

    first, second = (as_alice.post(page_of(small), {"consent": consent}) for _ in range(2))

    assert first.headers["Location"] == second.headers["Location"] == PAGE
    assert PlanChange.objects.count() == 1


def test_nobody_agrees_without_a_tick_or_to_another_price(
    monthly: Renewal, small: Plan, as_alice: Client
) -> None:
    consent = shown_consent(as_alice, page_of(small))
    assert "Tick this box if you agree." in send(as_alice, page_of(small))
    PlanPrice.objects.filter(plan=small).update(minor_units=1700)

    page = send(as_alice, page_of(small), consent=consent)

    assert "The price or the method has changed. Please agree again." in page
    assert "$17.00" in page
    assert not PlanChange.objects.exists()


def test_another_method_can_be_chosen_for_it(
    monthly: Renewal, small: Plan, as_alice: Client, alice: User
) -> None:
    other = add_card(alice)
    assert 'href="?method="' in as_alice.get(page_of(small)).text
    page = words(as_alice, f"{page_of(small)}?method=")
    assert other.label in page
    assert "Small · $15.00 a month" in page
    address = f"{page_of(small)}?method={other.pk}"

    send(as_alice, address, consent=shown_consent(as_alice, address))

    mandate = Subscription.objects.select_related("mandate__method").get().mandate
    assert mandate is not None
    assert mandate.method == other
    # The method of the old plan, in case that the choice is undone, is allowed as well.
    assert Mandate.objects.filter(ended_at=None).count() == 2


def test_without_a_method_one_is_chosen_first(
    monthly: Renewal, small: Plan, as_alice: Client
) -> None:
    Subscription.objects.update(mandate=None)

    assert "Choose how to pay" in words(as_alice, page_of(small))


def test_a_method_that_is_removed_meanwhile_changes_nothing(
    monthly: Renewal, small: Plan, as_alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    consent = shown_consent(as_alice, page_of(small))
    PaymentMethod.objects.update(is_kept=False)

    page = send(as_alice, page_of(small), consent=consent)

    assert "Choose how to pay" in page
    assert not PlanChange.objects.exists()


def test_a_plan_that_cannot_follow_leads_back_with_the_reason(
    monthly: Renewal, small: Plan, as_alice: Client
) -> None:
    consent = shown_consent(as_alice, page_of(small))
    cancelling.cancel(Subscription.objects.get())
    assert "Undo the cancellation first" in send(as_alice, page_of(small), consent=consent)
    cancelling.undo(Subscription.objects.get())
    PlanPrice.objects.filter(plan=small).delete()

    assert "This plan is no longer available" in send(as_alice, page_of(small), consent=consent)


def test_a_plan_for_fewer_devices_is_shown_and_refused_with_the_reason(
    monthly: Renewal, small: Plan, as_alice: Client
) -> None:
    Plan.objects.filter(code="monthly").update(more_devices=1)
    sharing.join(Subscription.objects.get(), make_card(), proof=SimOnLine.Proof.NONE)
    form = form_of(as_alice.get(CHANGE).text)

    page = as_alice.post(CHANGE, {**form, "plan": small.pk}, follow=True).text

    assert "Remove a device first." in page
    assert not PlanChange.objects.exists()


def test_paying_it_with_another_method_names_the_new_plan_and_keeps_it(
    monthly: Renewal, small: Plan, as_alice: Client, alice: User
) -> None:
    agree(as_alice, small)
    address = f"{PAGE}pay/?method={add_card(alice).pk}"
    assert "Nothing is charged today. $15.00 is charged on Feb. 28, 2025." in words(
        as_alice, address
    )
    assert "Small ·" in words(as_alice, address)

    send(as_alice, address, consent=shown_consent(as_alice, address))

    assert "Changes to Small on Feb. 28, 2025 for $15.00" in words(as_alice, PAGE)


def test_shortly_before_its_day_the_page_does_not_wait_for_a_payment(
    monthly: Renewal, small: Plan, alice: User
) -> None:
    monthly.pass_to(FEBRUARY - HOUR)
    browser = Client()
    browser.force_login(alice)
    agree(browser, small)
    monthly.process()

    assert "The payment is under way." not in words(browser, PAGE)


def test_an_undone_cancellation_brings_the_choice_back_and_says_so(
    monthly: Renewal, small: Plan, as_alice: Client
) -> None:
    agree(as_alice, small)
    send(as_alice, f"{PAGE}cancel/")
    assert "Next plan" not in words(as_alice, PAGE)
    page = words(as_alice, f"{PAGE}cancel/undo/")
    assert "The plan changes to Small on Feb. 28, 2025 for $15.00, as you chose" in page

    page = send(as_alice, f"{PAGE}cancel/undo/")

    assert "Changes to Small on Feb. 28, 2025 for $15.00" in page
