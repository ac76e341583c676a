"""`orders.domain.limits`: open and cancelled orders of an account and of a device are limited."""

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.access.limiter import Locked
from accounts.models import AttemptCount, User
from orders.domain import placing
from orders.domain.drafts import StaleForm
from orders.models import Draft, Order
from orders.states import Failure, OrderState
from payments.domain.methods import MOST_REFUSALS
from plans.models import Plan
from tests.builders import (
    EID,
    OTHER_EID,
    make_card,
    make_draft,
    make_method,
    make_order,
    make_plan,
    make_pool,
    make_visit,
)
from tests.orders.conftest import new_card, settled
from tests.payments.conftest import refuse
from tests.races import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def small_limits(settings: Settings) -> None:
    settings.ORDER_LIMIT, settings.DEVICE_ORDER_LIMIT = 2, 3


@pytest.fixture
def plan(db: None) -> Plan:
    return make_plan()


def place_and_cancel(account: User, plan: Plan, *, eid: str = EID) -> Order:
    order = make_order(
        account, plan=plan, method=make_method(account), visit=make_visit(account=account, eid=eid)
    )
    placing.request_cancel(order, actor=account)
    return order


def test_cancelling_in_a_row_must_wait(alice: User, plan: Plan) -> None:
    place_and_cancel(alice, plan)
    place_and_cancel(alice, plan)

    with pytest.raises(Locked) as refused:
        make_order(alice, plan=plan)

    assert refused.value.counter.subject == f"account:{alice.pk}"
    assert Order.objects.count() == 2


def test_other_accounts_cannot_use_up_a_device_without_end(
    alice: User, bob: User, plan: Plan
) -> None:
    place_and_cancel(alice, plan)
    place_and_cancel(alice, plan)
    place_and_cancel(bob, plan)

    with pytest.raises(Locked) as refused:
        place_and_cancel(bob, plan)

    assert refused.value.counter.subject == f"eid:{EID}"
    place_and_cancel(bob, plan, eid=OTHER_EID)


def test_sending_the_same_form_again_counts_once(alice: User, plan: Plan) -> None:
    draft = make_draft(alice, plan=plan)

    for _ in range(3):
        placing.place(draft, version=draft.version)

    assert [len(row.marks) for row in AttemptCount.objects.all()] == [1, 1]


def test_the_form_of_the_last_allowed_order_leads_to_it_again(alice: User, plan: Plan) -> None:
    place_and_cancel(alice, plan)
    draft = make_draft(alice, plan=plan)

    first = placing.place(draft, version=draft.version)

    assert placing.place(draft, version=draft.version) == first
    with pytest.raises(Locked):
        make_order(alice, plan=plan)


def test_a_submit_that_creates_no_order_is_not_counted(alice: User, plan: Plan) -> None:
    method = make_method(alice)
    draft = make_draft(alice, plan=plan, method=method)
    refuse(method, MOST_REFUSALS)

    with pytest.raises(StaleForm):
        placing.place(draft, version=draft.version)

    assert not AttemptCount.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_orders_at_once_one_gets_the_last_place_of_a_device(
    alice: User, bob: User, plan: Plan
) -> None:
    place_and_cancel(alice, plan)
    place_and_cancel(bob, plan)
    drafts = iter([make_draft(account, plan=plan) for account in (alice, bob)])

    def place_next() -> Order:
        draft = next(drafts)
        return placing.place(draft, version=draft.version)

    results = at_once(place_next, 2)

    assert sorted(type(result).__name__ for result in results) == ["Locked", "Order"]
    assert Draft.objects.exclude(submitted_at=None).count() == Order.objects.count() == 3


def test_an_order_for_a_sim_card_is_counted_for_its_account_alone(alice: User, plan: Plan) -> None:
    visit = make_visit(account=alice, eid="", iccid=make_card().iccid)

    make_order(alice, plan=plan, visit=visit)

    assert AttemptCount.objects.get().subject == f"account:{alice.pk}"


@pytest.mark.processes
def test_a_completed_order_does_not_count(
    alice: User, plan: Plan, gateway: str, smdp: str, network: str
) -> None:
    make_pool(1)

    settled(make_order(alice, plan=plan, method=new_card(alice)))

    assert not AttemptCount.objects.exists()


@pytest.mark.processes
def test_an_order_whose_payment_was_refused_does_not_count(
    alice: User, plan: Plan, gateway: str
) -> None:
    order = settled(make_order(alice, plan=plan, method=new_card(alice, "4000000000000002")))

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.PAYMENT_REFUSED)
    assert not AttemptCount.objects.exists()


def test_the_review_page_says_how_long_to_wait(as_alice: Client, alice: User, plan: Plan) -> None:
    place_and_cancel(alice, plan)
    place_and_cancel(alice, plan)
    as_alice.get(f"/?eid={EID}&market=US&location=US")
    as_alice.get("/options/")
    draft = make_draft(alice, plan=plan, visit=alice.visit_set.first())

    sent = as_alice.post("/review/", {"draft": draft.pk, "version": draft.version})
    page = as_alice.get("/review/")

    assert (sent.status_code, sent.headers["location"]) == (303, "/review/")
    assert page.status_code == 200
    assert 3500 < int(page.headers["Retry-After"]) <= 3600
    assert "Several orders were placed in a short time and not finished." in page.text
    assert "Try again in 60 minutes." in page.text
    assert "Submit order" not in page.text
    assert Order.objects.count() == 2
