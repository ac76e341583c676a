"""The customer pays an overdue month by hand, and the card's bank asks them to confirm."""

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import quote

import httpx
import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import User
from payments.models import Payment, PaymentMethod
from payments.states import Initiator, PaymentState
from subscriptions.domain import present, ways_out
from subscriptions.models import WayOut
from tests.payments.conftest import CUSTOMER_STEP, refuse
from tests.processing import process_task
from tests.selfcare.test_plan_payment import GOOD, WANTS_CUSTOMER, add_card, pay
from tests.selfcare.test_plans import FEBRUARY, NO_MONEY, PAGE, press, words
from tests.subscriptions.renewals import DAY, HOUR, Renewal, sell

MINUTE = timedelta(minutes=1)


@pytest.fixture(params=[HOUR, 8 * DAY], ids=["in grace", "on hold"])
def overdue(
    request: pytest.FixtureRequest, alice: User, gateway: str, network: str
) -> Iterator[Renewal]:
    with sell(alice, gateway, network, number=NO_MONEY) as renewal:
        renewal.pass_to(FEBRUARY + request.param)
        yield renewal


@pytest.fixture
def in_grace(alice: User, gateway: str, network: str) -> Iterator[Renewal]:
    with sell(alice, gateway, network, number=NO_MONEY) as renewal:
        renewal.pass_to(FEBRUARY + HOUR)
        yield renewal


def go_to_bank(browser: Client, alice: User, renewal: Renewal) -> Payment:
    """Pay with a card whose bank always asks, and return the payment that waits there."""
    pay(browser, add_card(alice, CUSTOMER_STEP))
    renewal.process()
    return Payment.objects.get(state=PaymentState.PENDING)


def decide(payment: Payment, decision: str = "approve") -> str:
    """Answer the bank's question, and return the address to which the bank leads back."""
    answer = httpx.post(payment.customer_step_url, data={"decision": decision}, trust_env=False)
    return answer.headers["location"].removeprefix("http://127.0.0.1:8000")


def statuses(renewal: Renewal) -> list[str]:
    """Return the payments in the gateway's books, without the refused renewals before."""
    found = [status for status, _amount in renewal.charged]
    return found[found.count("declined") :]


def test_the_page_leads_to_the_bank_and_the_month_is_paid_on_return(
    as_alice: Client, alice: User, overdue: Renewal
) -> None:
    payment = go_to_bank(as_alice, alice, overdue)
    assert (payment.initiator, payment.mandate) == (Initiator.CUSTOMER, None)
    page = words(as_alice, PAGE)
    assert "Confirm the payment of <bdi>$25.00</bdi> on your bank's page." in page
    assert f'href="{payment.customer_step_url}"' in page

    assert as_alice.get(decide(payment)).headers["location"] == PAGE
    overdue.process()

    page = words(as_alice, PAGE)
    assert "Your payment went through." in page
    assert "Renews on " in page
    assert statuses(overdue) == ["captured"]
    overdue.subscription.refresh_from_db()
    assert overdue.subscription.state == "active"


def test_a_bank_that_posts_back_without_our_cookies_is_a_return(
    client: Client, as_alice: Client, alice: User, in_grace: Renewal
) -> None:
    payment = go_to_bank(as_alice, alice, in_grace)
    back = decide(payment)

    assert client.post(back).headers["location"] == back
    assert client.get(back).headers["location"] == f"/sign-in/?next={quote(back, safe='')}"
    # The customer never signs in. The gateway is asked anyway.
    in_grace.move_to(FEBRUARY + HOUR + 5 * MINUTE)
    in_grace.process()

    assert "Your payment went through." in words(as_alice, PAGE)


def test_a_bank_that_is_told_no_leaves_the_plan_overdue_and_nothing_is_tried_without_the_customer(
    as_alice: Client, alice: User, in_grace: Renewal
) -> None:
    payment = go_to_bank(as_alice, alice, in_grace)

    as_alice.get(decide(payment, "refuse"))
    in_grace.process()

    page = words(as_alice, PAGE)
    assert "verify that it was you. You haven" in page
    assert "Choose another payment method" in page
    # The portal tries nothing by itself on days 1 and 3.
    in_grace.pass_to(FEBRUARY + 4 * DAY)
    assert statuses(in_grace) == []
    as_alice.force_login(alice)
    # The same card is offered again, and paid with.
    payment = go_to_bank_again(as_alice, payment.method, in_grace)
    decide(payment)
    in_grace.move_to(FEBRUARY + 4 * DAY + MINUTE)
    in_grace.process()
    assert statuses(in_grace) == ["captured"]


def go_to_bank_again(browser: Client, method: PaymentMethod, renewal: Renewal) -> Payment:
    assert f'value="{method.pk}"' in words(browser, f"{PAGE}pay/")
    pay(browser, method)
    renewal.process()
    return Payment.objects.get(state=PaymentState.PENDING)


def test_who_never_comes_back_is_not_charged_and_the_payment_ends(
    as_alice: Client, alice: User, in_grace: Renewal
) -> None:
    go_to_bank(as_alice, alice, in_grace)

    in_grace.pass_to(FEBRUARY + HOUR + present.TIME_LIMIT + 3 * MINUTE)

    assert "confirmed at your bank in time" in words(as_alice, PAGE)
    assert statuses(in_grace) == ["voided"]
    in_grace.pass_to(FEBRUARY + 4 * DAY)
    assert statuses(in_grace) == ["voided"]
    as_alice.force_login(alice)
    assert "confirmed at your bank" not in words(as_alice, PAGE)


def test_who_confirms_at_the_last_moment_has_paid(
    as_alice: Client, alice: User, in_grace: Renewal
) -> None:
    payment = go_to_bank(as_alice, alice, in_grace)
    decide(payment)

    in_grace.move_to(FEBRUARY + HOUR + present.TIME_LIMIT + 5 * MINUTE)
    in_grace.process()

    assert statuses(in_grace) == ["captured"]


def test_another_card_is_paid_with_while_the_first_waits_at_the_bank(
    as_alice: Client, alice: User, in_grace: Renewal
) -> None:
    go_to_bank(as_alice, alice, in_grace)

    page = pay(as_alice, add_card(alice, GOOD))
    assert "The payment is under way." in page
    in_grace.process()

    assert "Your payment went through." in words(as_alice, PAGE)
    assert statuses(in_grace) == ["voided", "captured"]


def test_a_second_consent_to_the_card_at_the_bank_makes_no_second_payment(
    as_alice: Client, alice: User, in_grace: Renewal
) -> None:
    payment = go_to_bank(as_alice, alice, in_grace)

    page = pay(as_alice, payment.method)
    in_grace.process()

    assert payment.customer_step_url in page
    as_alice.get(decide(payment, "refuse"))
    in_grace.process()
    assert Payment.objects.filter(method=payment.method).count() == 1


def test_a_plan_that_is_cancelled_while_the_customer_is_at_the_bank_costs_nothing(
    as_alice: Client, alice: User, in_grace: Renewal
) -> None:
    go_to_bank(as_alice, alice, in_grace)

    press(as_alice, f"{PAGE}cancel/")
    in_grace.process()

    page = words(as_alice, PAGE)
    assert "Ended on" in page
    assert "your bank" not in page
    assert statuses(in_grace) == ["voided"]


def test_a_worker_that_comes_late_asks_without_the_customer(
    as_alice: Client, alice: User, in_grace: Renewal
) -> None:
    card = add_card(alice, WANTS_CUSTOMER)
    pay(as_alice, card)

    in_grace.move_to(FEBRUARY + HOUR + 5 * MINUTE)
    in_grace.process()

    assert Payment.objects.get(method=card).initiator == Initiator.OPERATOR
    assert f"Your bank wants you to confirm the payment with {card.label}." in words(as_alice, PAGE)
    # The bank asked for the customer. Now the customer is there, so the card is offered again.
    assert f'value="{card.pk}"' in words(as_alice, f"{PAGE}pay/")
    pay(as_alice, card)
    in_grace.process()
    assert statuses(in_grace)[-1] == "captured"


def test_a_method_that_is_refused_too_often_meanwhile_is_not_asked_for_by_hand(
    as_alice: Client, alice: User, in_grace: Renewal
) -> None:
    card = add_card(alice)
    pay(as_alice, card)
    refuse(card, times=8)

    in_grace.process()

    assert statuses(in_grace) == []


@pytest.fixture
def in_the_garden(as_alice: Client, in_grace: Renewal) -> Client:
    """Let Alice's device have no data: its plan is on hold."""
    in_grace.pass_to(FEBRUARY + 8 * DAY)
    card = in_grace.subscription.line.sims.get().sim
    as_alice.get(f"/?market=US&location=US&transactionId=T1&iccid={card.iccid}")
    return as_alice


def process_way() -> None:
    process_task(ways_out.KIND, WayOut.objects.latest("pk").pk)


def test_a_device_on_hold_gets_a_way_out_to_the_bank(
    in_the_garden: Client, alice: User, in_grace: Renewal
) -> None:
    payment = go_to_bank(in_the_garden, alice, in_grace)
    page = words(in_the_garden, PAGE)
    assert "connecting you to your bank" in page
    assert payment.customer_step_url not in page

    process_way()

    assert f'href="{payment.customer_step_url}"' in words(in_the_garden, PAGE)
    in_the_garden.get(decide(payment))
    assert WayOut.objects.get().state == "closing"


def test_a_device_that_gets_no_way_out_reads_what_can_be_done(
    in_the_garden: Client, alice: User, in_grace: Renewal, settings: Settings
) -> None:
    settings.WAY_OUT_LIMIT = 1
    payment = go_to_bank(in_the_garden, alice, in_grace)
    process_way()
    in_the_garden.get(f"{PAGE}returned/")
    process_way()

    page = words(in_the_garden, PAGE)

    assert "Connect to Wi-Fi, or try once more." in page
    assert f'href="{payment.customer_step_url}"' in page
    press(in_the_garden, f"{PAGE}bank/")
    assert WayOut.objects.count() == 2


def test_without_a_payment_at_the_bank_no_way_out_is_asked_for(
    in_the_garden: Client, in_grace: Renewal
) -> None:
    press(in_the_garden, f"{PAGE}bank/")

    assert not WayOut.objects.exists()
