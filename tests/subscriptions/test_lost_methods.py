"""A plan that renews loses its payment method: the customer is asked for another at once."""

import pytest

from accounts.domain import endings
from accounts.domain.endings import When
from accounts.models import AccountMessage, User
from payments.domain import cards, mandates
from payments.states import MandateEnd
from subscriptions.domain import cancelling
from subscriptions.models import Subscription
from tests.subscriptions.renewals import DAY, HOUR, SOLD, Renewal
from tests.subscriptions.test_renewing import new_card


def test_who_removes_the_method_of_a_plan_is_asked_for_another_once(monthly: Renewal) -> None:
    assert monthly.subscription.mandate
    method = monthly.subscription.mandate.method

    cards.remove(method)
    cards.remove(method)

    told = AccountMessage.objects.get()
    assert told.occasion == "method_needed"
    assert told.context["last4"] == "4242"


def test_what_is_authorised_is_let_go_when_its_method_is_removed(monthly: Renewal) -> None:
    monthly.pass_to(SOLD + 28 * DAY - HOUR)
    assert monthly.subscription.mandate

    cards.remove(monthly.subscription.mandate.method)
    monthly.pass_to(SOLD + 28 * DAY + HOUR)

    assert [status for status, _amount in monthly.charged] == ["voided"]


def test_nobody_is_asked_who_has_chosen_another_or_whose_plan_has_ended(
    monthly: Renewal, alice: User
) -> None:
    new_card(monthly, alice)
    monthly.subscription.refresh_from_db()
    cancelling.cancel(monthly.subscription)
    monthly.pass_to(SOLD + 28 * DAY + HOUR)

    assert "method_needed" not in monthly.told


@pytest.mark.parametrize("marked", ["cancelled", "parked"])
def test_a_plan_that_is_not_charged_needs_no_method(monthly: Renewal, marked: str) -> None:
    if marked == "cancelled":
        cancelling.cancel(monthly.subscription)
    else:
        Subscription.objects.update(parked_because="fault")
    assert monthly.subscription.mandate

    mandates.end(monthly.subscription.mandate, reason=MandateEnd.METHOD_STOPPED)

    assert "method_needed" not in monthly.told


def test_who_asks_to_delete_the_account_is_not_asked_for_another_method(
    monthly: Renewal, alice: User
) -> None:
    assert monthly.subscription.mandate

    endings.end_all(alice, When.ASKED)

    monthly.subscription.refresh_from_db()
    assert monthly.subscription.is_cancelled
    assert not mandates.live_mandates(alice).exists()
    assert "method_needed" not in monthly.told
