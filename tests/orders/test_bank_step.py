"""`orders.domain.bank_step`: a device in the walled garden gets a way out to the bank's page."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.test import Client
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import User
from esim.models import Sim
from orders.domain import bank_step, placing
from orders.domain.bank_step import Reach
from orders.models import Order
from orders.states import OrderState
from subscriptions.domain import lifecycle as subscriptions
from subscriptions.domain import ways_out
from subscriptions.models import OperatorLine, SimOnLine, WayOut
from subscriptions.states import WayOutState
from tests.builders import make_card, make_order, make_plan, make_pool, make_visit, payment_of
from tests.orders.conftest import CUSTOMER_STEP, new_card, process_once, settled
from tests.processing import process_task
from tests.providers import break_it

TO_BANK = "Go to your bank"
OPENING = "connecting you to your bank"
UNREACHABLE = "Your bank can't be reached from here"


@pytest.fixture
def card(alice: User) -> Sim:
    return make_card()


@pytest.fixture
def launched(as_alice: Client, card: Sim) -> Client:
    """Return Alice's browser on a device with a SIM card that has no plan."""
    as_alice.get(f"/?market=US&location=US&transactionId=T1&iccid={card.iccid}")
    return as_alice


@pytest.fixture
def at_bank(launched: Client, alice: User, gateway: str, smdp: str, network: str) -> Order:
    """Return Alice's order for the SIM card, which waits for her bank."""
    launched.get("/options/")
    visit = alice.drafts.get().visit
    return settled(make_order(alice, visit=visit, method=new_card(alice, CUSTOMER_STEP)))


def way_of(order: Order) -> WayOut:
    way = ways_out.latest(order.number)
    assert way is not None
    return way


def process_way(order: Order) -> WayOut:
    process_task(ways_out.KIND, way_of(order).pk)
    return way_of(order)


def page_of(browser: Client, order: Order) -> str:
    return browser.get(f"/orders/{order.number}/").text


def network_shows(network: str, sim: Sim) -> str:
    state: str = httpx.get(f"{network}/ways/{sim.iccid}", trust_env=False).json()["state"]
    return state


def approve(order: Order) -> None:
    url = payment_of(order).customer_step_url
    httpx.post(url, data={"decision": "approve"}, trust_env=False)


def test_the_page_leads_to_the_bank_only_once_the_way_is_open(
    launched: Client, at_bank: Order, card: Sim, network: str
) -> None:
    waiting = page_of(launched, at_bank)
    assert OPENING in waiting
    assert TO_BANK not in waiting
    # Even without script the page goes on by itself.
    assert 'http-equiv="refresh"' in waiting

    process_way(at_bank)

    ready = page_of(launched, at_bank)
    assert TO_BANK in ready
    assert payment_of(at_bank).customer_step_url in ready
    assert network_shows(network, card) == "open"


def test_at_the_return_the_way_is_closed_and_the_order_completes(
    launched: Client, at_bank: Order, card: Sim, network: str
) -> None:
    process_way(at_bank)
    approve(at_bank)

    launched.get(f"/orders/{at_bank.number}/returned/")
    assert process_way(at_bank).state == WayOutState.CLOSED
    assert network_shows(network, card) == "closed"

    assert settled(at_bank).state == OrderState.COMPLETED


def test_an_order_that_goes_on_without_the_customer_closes_its_way(
    at_bank: Order, card: Sim, network: str
) -> None:
    process_way(at_bank)
    approve(at_bank)

    assert settled(at_bank).state == OrderState.COMPLETED

    assert process_way(at_bank).state == WayOutState.CLOSED
    assert network_shows(network, card) == "closed"


def test_a_cancelled_order_closes_its_way(alice: User, at_bank: Order) -> None:
    process_way(at_bank)
    placing.request_cancel(at_bank, actor=alice)

    assert settled(at_bank).state == OrderState.CANCELLED

    assert way_of(at_bank).state == WayOutState.CLOSING


def test_a_customer_who_comes_back_undecided_goes_to_the_bank_again(
    launched: Client, at_bank: Order, card: Sim, network: str
) -> None:
    process_way(at_bank)
    launched.get(f"/orders/{at_bank.number}/returned/")
    process_way(at_bank)
    assert 'form="ask-for-way"' in page_of(launched, at_bank)

    launched.post(f"/orders/{at_bank.number}/bank/")
    assert OPENING in page_of(launched, at_bank)
    process_way(at_bank)

    assert payment_of(at_bank).customer_step_url in page_of(launched, at_bank)
    assert network_shows(network, card) == "open"
    assert WayOut.objects.count() == 2


def test_if_the_limit_is_reached_the_page_says_that_the_bank_is_out_of_reach(
    launched: Client, at_bank: Order, settings: Settings
) -> None:
    settings.WAY_OUT_LIMIT = 1
    process_way(at_bank)
    launched.get(f"/orders/{at_bank.number}/returned/")
    launched.post(f"/orders/{at_bank.number}/bank/")
    process_way(at_bank)

    page = page_of(launched, at_bank)

    assert UNREACHABLE in page
    assert "Your order is kept, and you haven't been charged." in page
    assert Order.objects.get().state == OrderState.PENDING


def test_a_worker_that_does_not_come_is_waited_for_for_seconds_only(
    launched: Client, at_bank: Order
) -> None:
    WayOut.objects.update(created_at=now() - 3 * ways_out.PATIENCE)
    assert UNREACHABLE in page_of(launched, at_bank)

    process_way(at_bank)

    assert TO_BANK in page_of(launched, at_bank)


def test_a_network_that_is_away_leaves_the_order_as_it_is(
    launched: Client, at_bank: Order, network: str
) -> None:
    break_it(network, "open_way", "drop_before", times=99)
    WayOut.objects.update(created_at=now() - ways_out.PATIENCE)
    process_way(at_bank)

    assert UNREACHABLE in page_of(launched, at_bank)
    assert settled(at_bank).state == OrderState.PENDING


def test_processing_the_order_again_asks_for_no_second_way(at_bank: Order) -> None:
    process_once(at_bank)

    assert WayOut.objects.count() == 1


def test_nothing_is_asked_for_once_the_order_has_left_the_bank(
    launched: Client, at_bank: Order
) -> None:
    approve(at_bank)
    settled(at_bank)

    assert launched.post(f"/orders/{at_bank.number}/bank/").status_code == 303
    assert launched.get(f"/orders/{at_bank.number}/bank/").status_code == 303
    assert WayOut.objects.count() == 1


def launch(alice: User, **changes: Any) -> Any:
    return make_visit(account=alice, **changes)


def give_plan(alice: User, sim: Sim, *, countries: tuple[str, ...] = ("US",)) -> None:
    plan = make_plan(code=f"for-{sim.pk}", countries=countries)
    bought = subscriptions.prepare(alice, sim=sim, plan=plan, plan_name="x", reference=f"r{sim.pk}")
    subscriptions.start(bought, at=now())


def test_a_sim_card_without_a_plan_is_in_the_walled_garden(alice: User, card: Sim) -> None:
    assert bank_step.sim_in_garden(launch(alice, iccid=card.iccid), alice) == card


def test_a_sim_with_a_balance_here_needs_no_way(alice: User, card: Sim) -> None:
    give_plan(alice, card)

    assert bank_step.sim_in_garden(launch(alice, iccid=card.iccid), alice) is None


def test_a_plan_that_is_not_valid_here_is_no_balance(alice: User, card: Sim) -> None:
    give_plan(alice, card, countries=("CA",))

    assert bank_step.sim_in_garden(launch(alice, iccid=card.iccid), alice) == card


def test_a_sim_outside_of_the_programme_gets_no_way(alice: User) -> None:
    card = make_card(is_in_programme=False)

    assert bank_step.sim_in_garden(launch(alice, iccid=card.iccid), alice) is None


def test_a_device_without_a_sim_of_the_operator_gets_no_way(alice: User) -> None:
    assert bank_step.sim_in_garden(launch(alice), alice) is None


def test_a_browser_that_no_host_has_launched_gets_no_way(alice: User, card: Sim) -> None:
    visit = launch(alice, iccid=card.iccid)
    visit.is_launched = False

    assert bank_step.sim_in_garden(visit, alice) is None


def test_with_no_minutes_no_way_is_asked_for(alice: User, card: Sim, settings: Settings) -> None:
    settings.WAY_OUT_MINUTES = 0

    assert bank_step.sim_in_garden(launch(alice, iccid=card.iccid), alice) is None


def test_of_several_profiles_the_one_that_gets_the_plan_counts(alice: User) -> None:
    first, second = profiles = make_pool(2)
    Sim.objects.filter(pk__in=[one.pk for one in profiles]).update(state="in_use")
    both = launch(alice, iccids=(first.iccid, second.iccid))

    assert bank_step.sim_in_garden(both, alice) is None
    assert bank_step.sim_in_garden(both, alice, chosen=second) == second
    assert bank_step.sim_in_garden(launch(alice, iccids=(first.iccid,)), alice) == first


def test_a_balance_that_the_operator_has_not_told_for_too_long_may_be_none(
    alice: User, card: Sim
) -> None:
    give_plan(alice, card)
    line = SimOnLine.objects.get(sim=card).line
    OperatorLine.objects.create(line=line, reference="x", balances_at=now() - timedelta(days=9))

    assert bank_step.sim_in_garden(launch(alice, iccid=card.iccid), alice) == card


def test_only_an_order_that_waits_for_a_bank_has_a_step_there(alice: User) -> None:
    order = make_order(alice)
    assert bank_step.find(order) is None

    # It may wait for a code from the gateway instead.
    order.state = OrderState.PENDING
    assert bank_step.find(order) is None

    payment_of(order).customer_step_url = "https://bank.example/"
    step = bank_step.find(order)
    assert step is not None
    assert step.reach == Reach.YES
