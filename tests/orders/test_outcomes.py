"""`orders.domain.outcomes`: the table of docs/contract.md#outcomes, row by row."""

import pytest
from pytest_django.fixtures import Settings

from accounts.models import User
from mobileplans.domain.outcome import Outcome
from mobileplans.models import Visit
from orders.domain import outcomes
from orders.models import Order
from orders.states import Failure, OrderState
from tests.builders import make_card, make_draft, make_method, make_order, make_visit, payment_of
from tests.orders.conftest import new_card, settled


def words(outcome: Outcome) -> tuple[str, str, str, str]:
    return (
        outcome.user_account,
        outcome.purchase_instrument,
        outcome.line,
        outcome.mo_direct_status,
    )


def failed(order: Order, failure: Failure) -> Order:
    Order.objects.filter(pk=order.pk).update(state=OrderState.FAILED, failure=failure)
    order.refresh_from_db()
    return order


def later_than(visit: Visit) -> Visit:
    """Return a later visit of the same customer, in which account and card are not new."""
    return make_visit(account=visit.account, transaction_id="MSFT_2")


def test_an_order_with_a_new_profile_is_complete(placed: Order, smdp: str) -> None:
    order = settled(placed)

    outcome = outcomes.of_order(order, order.visit)

    assert order.profile is not None
    assert words(outcome) == ("Existing", "New", "New", "Complete")
    assert outcome.success
    assert outcome.iccid == order.profile.sim.iccid
    assert outcome.activation_code == f"1$smdp.kestrel.example${order.profile.matching_id}"
    assert outcome.plan_name == "Traveller"


def test_an_account_created_in_the_visit_is_new(placed: Order, smdp: str) -> None:
    order = settled(placed)
    Visit.objects.update(launched_at=placed.account.created_at)
    order.visit.refresh_from_db()

    assert words(outcomes.of_order(order, order.visit))[0] == "New"


def test_a_card_stored_before_the_visit_is_existing(placed: Order, smdp: str) -> None:
    order = settled(placed)

    assert words(outcomes.of_order(order, later_than(order.visit)))[1] == "Existing"


def test_a_first_plan_on_a_sim_card_needs_no_download(alice: User, gateway: str, smdp: str) -> None:
    card = make_card()
    visit = make_visit(account=alice, eid="", iccid=card.iccid)
    order = settled(make_order(alice, visit=visit, method=new_card(alice)))

    outcome = outcomes.of_order(order, visit)

    assert words(outcome) == ("Existing", "New", "New", "Complete")
    assert (outcome.iccid, outcome.activation_code) == (card.iccid, None)


def test_a_second_plan_on_a_sim_card_is_on_an_existing_line(
    alice: User, gateway: str, smdp: str
) -> None:
    card = make_card()
    visit = make_visit(account=alice, eid="", iccid=card.iccid)
    first = settled(make_order(alice, visit=visit, method=new_card(alice)))
    again = make_order(alice, visit=visit, plan=first.plan, method=payment_of(first).method)

    outcome = outcomes.of_order(settled(again), visit)

    assert words(outcome)[2] == "Existing"


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (Failure.PAYMENT_REFUSED, "PurchaseFailed"),
        (Failure.NO_PROFILE_LEFT, "ServiceError"),
        (Failure.PROFILE_REFUSED, "ServiceError"),
        (Failure.SERVICE_DOWN, "ServiceError"),
        (Failure.NETWORK_REFUSED, "ServiceError"),
        (Failure.SIM_OF_ANOTHER, "InvalidSIM"),
    ],
)
def test_a_failed_order_has_the_status_of_its_failure(
    alice: User, failure: Failure, status: str
) -> None:
    order = failed(make_order(alice), failure)

    outcome = outcomes.of_order(order, order.visit)

    assert words(outcome) == ("Existing", "New", "None", status)
    assert not outcome.success


def test_an_order_that_is_left_in_progress_is_bailed(alice: User) -> None:
    order = make_order(alice)

    assert words(outcomes.of_order(order, order.visit)) == ("Existing", "New", "Bailed", "None")


def test_an_order_that_is_left_while_a_service_is_unavailable_is_a_service_error(
    alice: User,
) -> None:
    order = make_order(alice)
    order.last_error = "no answer"

    assert words(outcomes.of_order(order, order.visit)) == (
        "Existing",
        "New",
        "None",
        "ServiceError",
    )


def test_leaving_after_too_many_failed_sign_ins_is_log_on_failed(
    db: None, settings: Settings
) -> None:
    visit = make_visit()
    Visit.objects.update(failed_sign_ins=settings.SIGN_IN_LIMIT)
    visit.refresh_from_db()

    assert words(outcomes.of_leaving(visit)) == ("None", "None", "None", "LogOnFailed")


def test_leaving_before_signing_in_is_a_bailed_account(db: None) -> None:
    assert words(outcomes.of_leaving(make_visit())) == ("Bailed", "None", "None", "None")


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("options", ("Existing", "None", "Bailed", "None")),
        ("plans", ("Existing", "None", "Bailed", "None")),
        ("payment", ("Existing", "Bailed", "None", "None")),
        ("account", ("Existing", "None", "None", "None")),
    ],
)
def test_leaving_at_a_step_tells_what_was_left_open(
    alice: User, step: str, expected: tuple[str, ...]
) -> None:
    visit = make_visit(account=alice, step=step)

    assert words(outcomes.of_leaving(visit)) == expected


def test_leaving_at_review_with_a_new_card(alice: User) -> None:
    visit = make_visit(account=alice, step="review")
    make_draft(alice, visit=visit)

    assert words(outcomes.of_leaving(visit)) == ("Existing", "New", "Bailed", "None")


def test_leaving_at_review_with_a_stored_card(alice: User) -> None:
    method = make_method(alice)
    visit = make_visit(account=alice, step="review")
    make_draft(alice, visit=visit, method=method)

    assert words(outcomes.of_leaving(visit)) == ("Existing", "Existing", "Bailed", "None")


@pytest.mark.parametrize("status", ["InvalidSIM", "ClientError"])
def test_a_refused_launch_has_the_status_of_its_refusal(db: None, status: str) -> None:
    visit = make_visit()
    visit.refused_as = status

    assert words(outcomes.of_leaving(visit)) == ("None", "None", "None", status)
