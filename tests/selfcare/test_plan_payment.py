"""`/account/plans/<reference>/pay/`: another method, the consent to it, and what came of it."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from accounts.models import User
from payments.domain import payments as paying
from payments.models import Mandate, PaymentMethod
from subscriptions.models import Subscription
from tests.builders import make_method
from tests.payments.conftest import card
from tests.selfcare.test_plans import FEBRUARY, NO_MONEY, PAGE, press, words
from tests.subscriptions.renewals import DAY, HOUR, Renewal, sell

WANTS_CUSTOMER = "4000002500003155"
GOOD = "5555555555554444"
# By the gateway's clock, which is not moved.
EXPIRY_YEAR = datetime.now(tz=UTC).year + 4


@pytest.fixture
def refused(alice: User, gateway: str, network: str) -> Iterator[Renewal]:
    with sell(alice, gateway, network, number=NO_MONEY) as renewal:
        yield renewal


def add_card(alice: User, number: str = GOOD) -> PaymentMethod:
    return paying.add_card(alice, replace(card(number), expiry_year=EXPIRY_YEAR))


def pay(browser: Client, method: PaymentMethod) -> str:
    """Choose the method, tick the box and return the plan's page."""
    address = f"{PAGE}pay/?method={method.pk}"
    shown = re.search(r'value="(I agree [^"]+)"', browser.get(address).text)
    assert shown
    return press(browser, address, consent=shown[1])


def test_another_method_is_charged_from_the_next_month_on(
    as_alice: Client, alice: User, monthly: Renewal
) -> None:
    method = add_card(alice)
    assert "Visa ending in 4242" in words(as_alice, f"{PAGE}pay/")
    page = words(as_alice, f"{PAGE}pay/?method={method.pk}")
    assert "Nothing is charged today. $25.00 is charged on Feb. 28, 2025." in page

    page = pay(as_alice, method)

    assert f"now paid with {method.label}" in page
    assert "under way" not in page
    mandate = Mandate.objects.get(ended_at=None)
    assert (mandate.method, mandate.purpose) == (method, "R1")
    assert mandate.text.endswith(f"charges $25.00 to {method.label} every month until I cancel.")
    assert str(mandate.limit) == "$25.00"
    monthly.subscription.refresh_from_db()
    assert monthly.subscription.mandate == mandate


def test_an_overdue_month_is_paid_at_once_and_the_page_waits_for_the_result(
    as_alice: Client, alice: User, refused: Renewal
) -> None:
    refused.pass_to(FEBRUARY + HOUR)
    method = add_card(alice)
    page = words(as_alice, f"{PAGE}pay/?method={method.pk}")
    assert "$25.00 is charged now, for the month that has begun." in page
    assert "The plan then renews on March 31, 2025 for $25.00." in page
    assert "Pay $25.00" in page

    page = pay(as_alice, method)

    assert 'http-equiv="refresh"' in page
    assert "The payment is under way." in page
    refused.process()
    page = words(as_alice, PAGE)
    assert 'http-equiv="refresh"' not in page
    assert "Your payment went through." in page
    assert "Renews on March 31, 2025 for $25.00" in page
    refused.move_to(FEBRUARY + DAY)
    assert "Your payment went through." not in words(as_alice, PAGE)


def test_on_hold_the_page_says_both_dates_before_the_button(
    as_alice: Client, alice: User, refused: Renewal
) -> None:
    refused.pass_to(FEBRUARY + 8 * DAY)
    method = add_card(alice)
    page = words(as_alice, f"{PAGE}pay/?method={method.pk}")
    assert "$25.00 is charged now, and a new month begins today." in page
    assert "The plan then renews on April 8, 2025 for $25.00." in page

    pay(as_alice, method)
    refused.process()

    assert "Renews on April 8, 2025 for $25.00" in words(as_alice, PAGE)


def test_the_refused_method_can_be_tried_again_by_hand(
    as_alice: Client, alice: User, refused: Renewal
) -> None:
    refused.pass_to(FEBRUARY + HOUR)
    PaymentMethod.objects.update(expiry_year=EXPIRY_YEAR)

    pay(as_alice, PaymentMethod.objects.get())
    refused.process()

    # Its bank refuses only while the customer is away.
    assert "Your payment went through." in words(as_alice, PAGE)
    assert [status for status, _amount in refused.charged] == ["declined", "captured"]


def test_a_refusal_by_hand_says_why_and_what_else_pays(
    as_alice: Client, alice: User, refused: Renewal
) -> None:
    refused.pass_to(FEBRUARY + HOUR)

    pay(as_alice, add_card(alice, "4000000000009995"))
    refused.process()

    page = words(as_alice, PAGE)
    assert "enough money on this card. You haven't been charged." in page.replace("&#x27;", "'")
    assert "Choose another payment method" in page
    assert [status for status, _amount in refused.charged] == ["declined"] * 2


def test_a_cancel_while_the_payment_is_under_way_is_no_refusal(
    as_alice: Client, alice: User, refused: Renewal
) -> None:
    refused.pass_to(FEBRUARY + HOUR)
    pay(as_alice, add_card(alice))
    press(as_alice, f"{PAGE}cancel/")
    refused.process()

    page = words(as_alice, PAGE)

    assert "was declined" not in page
    assert "Ended on" in page


@pytest.mark.parametrize("consent", ["", "I agree to something else."])
def test_nothing_is_agreed_without_the_text_that_was_shown(
    as_alice: Client, alice: User, monthly: Renewal, consent: str
) -> None:
    address = f"{PAGE}pay/?method={add_card(alice).pk}"

    answer = as_alice.post(address, {"consent": consent})

    assert answer.headers["location"] == address
    assert "id_consent_error" in words(as_alice, address)
    assert Mandate.objects.count() == 1


def test_who_has_no_method_is_told_what_to_do(
    as_alice: Client, alice: User, monthly: Renewal
) -> None:
    PaymentMethod.objects.update(stopped_at=monthly.subscription.anchored_at)

    page = words(as_alice, f"{PAGE}pay/")

    assert "no payment method that we can charge every month" in page
    assert "charged for a plan at the moment" in page
    assert "Next</button>" not in page


def test_the_method_of_another_is_not_offered(
    as_alice: Client, bob: User, monthly: Renewal
) -> None:
    foreign = make_method(bob)

    page = words(as_alice, f"{PAGE}pay/?method={foreign.pk}")

    assert "Monthly charge" not in page
    assert f'value="{foreign.pk}"' not in page
    answer = as_alice.post(f"{PAGE}pay/?method={foreign.pk}", {"consent": "I agree."})
    assert answer.headers["location"] == f"{PAGE}pay/"
    assert not Mandate.objects.filter(method=foreign).exists()


def test_a_cancelled_plan_needs_no_method(as_alice: Client, monthly: Renewal) -> None:
    press(as_alice, f"{PAGE}cancel/")

    assert as_alice.get(f"{PAGE}pay/").headers["location"] == PAGE
    assert Subscription.objects.get().is_cancelled


def test_a_worker_that_never_tries_is_not_waited_for_for_ever(
    as_alice: Client, alice: User, refused: Renewal
) -> None:
    refused.pass_to(FEBRUARY + HOUR)
    pay(as_alice, add_card(alice))

    refused.move_to(FEBRUARY + HOUR + timedelta(minutes=3))

    assert "under way" not in words(as_alice, PAGE)


def test_the_removal_of_a_method_says_first_which_plan_it_pays(
    as_alice: Client, alice: User, monthly: Renewal
) -> None:
    method = PaymentMethod.objects.get()
    address = f"/account/methods/{method.pk}/remove/"
    assert f'href="{address}"' in words(as_alice, "/account/")

    page = words(as_alice, address)
    assert "Monthly 5" in page
    assert "Renews on Feb. 28, 2025 for $25.00" in page
    assert PaymentMethod.objects.get().removed_at is None

    assert as_alice.post(address).headers["location"] == "/account/"
    page = words(as_alice, "/account/")
    assert "Choose how to pay: $25.00 is due on Feb. 28, 2025" in page
    assert f'href="{PAGE}pay/"' in page
    assert "No payment method" in words(as_alice, PAGE)


def test_the_removal_of_a_method_that_pays_nothing_more_asks_nothing(
    as_alice: Client, monthly: Renewal
) -> None:
    press(as_alice, f"{PAGE}cancel/")
    address = f"/account/methods/{PaymentMethod.objects.get().pk}/remove/"

    assert as_alice.get(address).headers["location"] == "/account/"
