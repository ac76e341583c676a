"""An order with nothing to pay: it has no payment, and is settled and undone like any other."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils.timezone import now

from accounts.models import AccountMessage, User
from messages.states import Occasion
from mobileplans.words import PurchaseInstrument
from moportal import retention
from orders import texts
from orders.domain import drafts, outcomes, placing, returning
from orders.models import Draft, Order
from orders.queries.timeline import timeline
from orders.states import Failure, OrderKind, OrderState
from payments.models import Payment, Receipt
from subscriptions.models import Line, Subscription
from subscriptions.states import SubscriptionState
from tests.builders import make_draft, make_pool, place
from tests.orders.conftest import settled
from tests.orders.test_announcing import told
from tests.processing import process_task
from tests.providers import books, break_it, profiles


def make_free(account: User, **more: object) -> Draft:
    """Create a draft whose plan costs this customer nothing."""
    draft = make_draft(account)
    free = {"gross_minor_units": 0, "tax_minor_units": 0, "method": None}
    Draft.objects.filter(pk=draft.pk).update(**free, **more)
    draft.refresh_from_db()
    return draft


def make_running_plan(account: User) -> Subscription:
    """Create a plan that another order has made."""
    line = Line.objects.create(account=account)
    return Subscription.objects.create(line=line, reference="R1", plan_name="Traveller")


@pytest.fixture
def free(alice: User, gateway: str, smdp: str, network: str) -> Order:
    """Return Alice's submitted order that costs nothing."""
    make_pool()
    return place(make_free(alice))


def test_it_completes_without_a_payment(free: Order, gateway: str, smdp: str) -> None:
    order = settled(free)

    assert (order.state, order.payment) == (OrderState.COMPLETED, None)
    assert books(gateway)["payments"] == []
    assert [state for _iccid, state in profiles(smdp)] == ["Released"]
    assert not Payment.objects.exists()
    assert not Receipt.objects.exists()


def test_its_confirmation_says_that_there_was_nothing_to_pay(
    free: Order, as_alice: Client, phone: str
) -> None:
    order = settled(free)

    assert told(order) == [Occasion.ORDER_CONFIRMED]
    message = as_alice.get(f"/account/messages/{AccountMessage.objects.get().pk}/").text
    assert "There was nothing to pay." in message
    assert "voucher" not in message


def test_the_host_is_told_that_nothing_was_paid(free: Order) -> None:
    order = settled(free)

    outcome = outcomes.of_order(order, order.visit)

    assert (outcome.success, outcome.purchase_instrument) == (True, PurchaseInstrument.NONE)


def test_it_is_undone_without_the_gateway(free: Order, gateway: str, smdp: str) -> None:
    placing.request_cancel(free, actor=free.account)

    order = settled(free)

    assert (order.state, order.undone_at is None) == (OrderState.CANCELLED, False)
    assert texts.cancelled(order) == "You haven't been charged."
    assert books(gateway)["payments"] == []


def test_one_that_staff_give_up_owes_the_customer_nothing(free: Order) -> None:
    Order.objects.filter(pk=free.pk).update(
        state=OrderState.FAILED, failure=Failure.GIVEN_UP, charge_decided_at=now()
    )
    free.refresh_from_db()

    failure = texts.failure(free)

    assert failure is not None
    assert failure.text == "You haven't been charged."


def test_taken_back_it_ends_the_plan_and_refunds_nothing(
    free: Order, clara: User, gateway: str
) -> None:
    order = settled(free)
    order_return = returning.request_return(order, actor=clara, because="changed their mind")

    process_task("return", order_return.pk)

    assert Subscription.objects.get().state == SubscriptionState.ENDED
    assert told(order) == [Occasion.ORDER_CONFIRMED, Occasion.PLAN_ENDED]
    assert books(gateway)["payments"] == []


def test_its_history_names_no_gateway(free: Order) -> None:
    order = settled(free)

    assert "gateway" not in {entry.where for entry in timeline(order)}


def test_its_progress_has_no_step_for_the_payment(free: Order, smdp: str) -> None:
    break_it(smdp, "downloadOrder", "drop_before")
    order = settled(free)

    assert [step.status for step in texts.steps(order)] == ["current", "todo", "todo"]
    assert "payment" not in texts.steps(order)[0].title.lower()


def test_it_is_deleted_when_the_books_need_it_no_longer(free: Order) -> None:
    settled(free)
    Order.objects.update(created_at=now() - timedelta(days=3700))

    assert retention.purge("orders.Order") == 1
    assert not Draft.objects.exists()


def test_its_draft_has_no_payment_page(shopping: Client, alice: User) -> None:
    running = make_running_plan(alice)
    make_free(alice, kind=OrderKind.ATTACH, running_plan=running)

    assert shopping.get("/payment/").headers["Location"] == "/review/"


def test_a_plan_of_its_own_leaves_the_running_plan_alone(alice: User) -> None:
    draft = make_free(alice, kind=OrderKind.ATTACH, running_plan=make_running_plan(alice))

    offer = drafts.offer_of(draft, draft.plan_id or 0)
    drafts.choose_plan(draft, offer, version=draft.version)

    assert (draft.kind, draft.running_plan) == (OrderKind.NEW_PLAN, None)
    assert draft.needs_method
