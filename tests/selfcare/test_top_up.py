"""`/account/plans/<reference>/add-data/`: a prepaid plan for the line of a plan that runs."""

import pytest
from django.test import Client
from django.utils.timezone import now

from esim.models import Sim
from orders.domain import placing
from orders.models import Draft, Order
from orders.states import OrderState
from payments.models import PaymentMethod
from plans.models import Plan, PlanPrice
from subscriptions.balances import balances
from subscriptions.domain import sharing
from subscriptions.models import Bucket, Line, SimOnLine, Subscription
from tests.builders import GB, make_card, make_plan
from tests.orders.conftest import settled
from tests.selfcare.test_plan_changes import form_of
from tests.selfcare.test_plan_payment import EXPIRY_YEAR
from tests.selfcare.test_plans import PAGE, words
from tests.subscriptions.renewals import HOUR, SOLD, Renewal

ADD = f"{PAGE}add-data/"


@pytest.fixture
def monthly(monthly: Renewal) -> Renewal:
    """Let Alice have used the 5 GB of her plan."""
    monthly.move_to(SOLD + HOUR)
    PaymentMethod.objects.update(expiry_year=EXPIRY_YEAR)
    Bucket.objects.update(used_bytes=5 * GB)
    return monthly


@pytest.fixture
def more() -> Plan:
    return make_plan(code="more", data_bytes=GB, minor_units=500)


def left(sim: Sim) -> list[int]:
    """Return the bytes of each balance with something left."""
    found = balances(sim.iccid, location="US", at=now())
    return [one.left_bytes for one in found if one.left_bytes]


def choose(browser: Client, plan: Plan) -> str:
    """Choose the plan, and return where that leads."""
    answer = browser.post(ADD, {**form_of(browser.get(ADD).text), "plan": plan.pk})
    assert answer.status_code == 303
    return answer.headers["Location"]


def pay_and_order(browser: Client) -> Order:
    """Pay with the stored card, and press the order button."""
    draft = Draft.objects.get(submitted_at=None)
    form = {"draft": draft.pk, "version": draft.version}
    browser.post("/payment/", {**form, "method": PaymentMethod.objects.get().pk})
    draft.refresh_from_db()
    browser.get("/review/")
    draft.refresh_from_db()
    browser.post("/review/", {"draft": draft.pk, "version": draft.version})
    return settled(Order.objects.get())


def test_at_zero_data_more_is_bought_for_the_line_without_naming_a_device(
    monthly: Renewal, more: Plan, as_alice: Client
) -> None:
    sim = Sim.objects.get()
    assert left(sim) == []
    for page in ("/account/", PAGE):
        assert f'href="{ADD}"' in words(as_alice, page)
    assert "More" in words(as_alice, ADD)
    assert "Monthly 5" not in words(as_alice, ADD)

    assert choose(as_alice, more) == "/payment/"
    assert f'href="{ADD}"' in as_alice.get("/payment/").text
    order = pay_and_order(as_alice)

    assert (order.state, order.sim, order.line_is_new) == (OrderState.COMPLETED, sim, False)
    assert left(sim) == [GB]
    assert Line.objects.count() == 1
    assert Subscription.objects.count() == 2


def test_the_review_names_the_line_and_leads_back_to_its_plans(
    monthly: Renewal, more: Plan, as_alice: Client
) -> None:
    Line.objects.update(name="Tablet")
    choose(as_alice, more)
    draft = Draft.objects.get()
    form = {"draft": draft.pk, "version": draft.version}
    as_alice.post("/payment/", {**form, "method": PaymentMethod.objects.get().pk})

    review = words(as_alice, "/review/")

    assert "Tablet" in review
    assert "The data is added to this line" in review
    assert f'href="{ADD}"' in review


def test_another_sim_in_the_device_does_not_take_the_data(
    monthly: Renewal, more: Plan, as_alice: Client
) -> None:
    own, other = Sim.objects.get(), make_card()
    as_alice.get(f"/?market=US&location=US&iccid={other.iccid}")
    choose(as_alice, more)

    order = pay_and_order(as_alice)

    assert order.sim == own
    assert (left(own), left(other)) == ([GB], [])


def test_of_several_devices_the_one_in_hand_gets_it_and_all_can_use_it(
    monthly: Renewal, more: Plan, as_alice: Client
) -> None:
    first, second = Sim.objects.get(), make_card()
    Plan.objects.filter(code="monthly").update(more_devices=1)
    sharing.join(Subscription.objects.get(), second, proof=SimOnLine.Proof.NONE)
    as_alice.get(f"/?market=US&location=US&iccid={second.iccid}")
    choose(as_alice, more)

    order = pay_and_order(as_alice)

    assert order.sim == second
    assert left(first) == left(second) == [GB]


def test_a_plan_chosen_elsewhere_is_not_for_that_line(
    monthly: Renewal, more: Plan, as_alice: Client
) -> None:
    choose(as_alice, more)
    form = form_of(as_alice.get("/plans/").text)

    as_alice.post("/plans/", {**form, "plan": more.pk})

    assert Draft.objects.get().sim is None


def test_after_a_refused_card_the_line_is_still_chosen(
    monthly: Renewal, more: Plan, as_alice: Client
) -> None:
    choose(as_alice, more)
    order = pay_and_order(as_alice)

    assert placing.reopen_draft(order).sim == order.sim


@pytest.mark.parametrize("lost", [{"state": "retired"}, {"is_in_programme": False}])
def test_a_sim_that_takes_no_plan_any_more_gets_none(
    monthly: Renewal, more: Plan, as_alice: Client, lost: dict[str, object]
) -> None:
    choose(as_alice, more)
    Sim.objects.update(**lost)

    assert as_alice.get("/payment/").status_code == 303


def test_a_line_without_a_sim_takes_no_data(monthly: Renewal, more: Plan, as_alice: Client) -> None:
    SimOnLine.objects.update(until=now())

    assert as_alice.get(ADD).headers["Location"] == PAGE
    assert f'href="{ADD}"' not in as_alice.get(PAGE).text


def test_a_form_that_is_stale_empty_or_of_a_plan_taken_off_sale_changes_nothing(
    monthly: Renewal, more: Plan, as_alice: Client
) -> None:
    form = form_of(as_alice.get(ADD).text)
    as_alice.post(ADD, {**form, "version": "99", "plan": more.pk})
    as_alice.post(ADD, {**form, "plan": ""})
    PlanPrice.objects.filter(plan=more).delete()

    page = as_alice.post(ADD, {**form, "plan": more.pk}, follow=True).text

    assert Draft.objects.get().plan is None
    assert "There is no prepaid plan here" in page
