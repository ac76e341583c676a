"""The plan is live in the network before the code is handed over (docs/contract.md#profile)."""

from typing import Any

import httpx
import pytest

from accounts.models import User
from orders.domain import placing, repairing, returning
from orders.models import Order
from orders.queries.timeline import timeline
from orders.states import Failure, OrderState
from outbox.retries import RETRY_DELAYS
from subscriptions.domain import activation
from tests.builders import make_card, make_order, make_visit
from tests.orders.conftest import new_card, settled
from tests.processing import process_task
from tests.providers import books, break_it, mend, states, statuses


def live(network: str) -> list[tuple[str, ...]]:
    return [(one["state"], *one["iccids"]) for one in books(network)["services"]]


def test_a_sold_esim_is_live_on_its_own_iccid(placed: Order, network: str) -> None:
    order = settled(placed)

    assert order.profile
    assert live(network) == [("active", order.profile.sim.iccid)]


def test_the_plan_is_live_before_the_charge_is_decided(placed: Order, network: str) -> None:
    order = settled(placed)

    assert order.subscription
    assert order.charge_decided_at
    call = order.subscription.network_calls.get()
    assert call.answered_at
    assert call.answered_at <= order.charge_decided_at
    assert any(entry.where == "network" for entry in timeline(order))


def test_a_plan_on_an_existing_sim_card_is_activated_too(
    alice: User, gateway: str, smdp: str, network: str
) -> None:
    card = make_card()
    visit = make_visit(account=alice, iccid=card.iccid)
    order = settled(make_order(alice, visit=visit, method=new_card(alice)))

    assert order.state == OrderState.COMPLETED
    assert live(network) == [("active", card.iccid)]
    assert states(smdp) == []


def test_a_network_that_answers_late_only_delays_the_order(
    placed: Order, network: str, gateway: str
) -> None:
    break_it(network, "activate", "http_500", times=2)

    order = settled(placed, times=3)
    assert order.state == OrderState.COMPLETED
    assert statuses(gateway) == ["captured"]


def test_a_network_that_never_answers_costs_the_customer_nothing(
    placed: Order, network: str, gateway: str, smdp: str
) -> None:
    break_it(network, "*", "drop_after", times=len(RETRY_DELAYS) + 2)
    order = settled(placed, times=len(RETRY_DELAYS) + 2)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.SERVICE_DOWN)
    assert (statuses(gateway), states(smdp)) == (["voided"], ["Unavailable"])
    assert order.undone_at is None
    mend(network)
    order = settled(order)
    assert order.undone_at is not None
    assert live(network) == [("ended",)]


def test_a_network_that_refuses_ends_the_order(
    placed: Order, network: str, gateway: str, smdp: str
) -> None:
    httpx.delete(f"{network}/subscriptions/{placed.number}", trust_env=False)
    order = settled(placed)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.NETWORK_REFUSED)
    assert (statuses(gateway), states(smdp)) == (["voided"], ["Unavailable"])
    assert order.undone_at is not None


def test_a_cancel_that_wins_leaves_nothing_live(
    placed: Order, network: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    activate = activation.activate

    def activate_and_be_cancelled(*asked: Any, **how: Any) -> None:
        activate(*asked, **how)
        placing.request_cancel(Order.objects.get(pk=placed.pk), actor=placed.account)

    monkeypatch.setattr(activation, "activate", activate_and_be_cancelled)
    order = settled(placed, times=2)

    assert order.state == OrderState.CANCELLED
    assert live(network) == [("ended",)]


def test_a_new_esim_is_live_before_it_replaces_the_old_one(
    placed: Order, network: str, clara: User
) -> None:
    sold = settled(placed)
    repair = repairing.reissue(sold, actor=clara, because="staff")
    break_it(network, "activate", "http_500")

    process_task(repairing.KIND, repair.pk)
    assert Order.objects.get(pk=sold.pk).profile == sold.profile
    process_task(repairing.KIND, repair.pk)

    order = Order.objects.get(pk=sold.pk)
    assert order.profile
    assert order.profile != sold.profile
    assert live(network) == [("active", order.profile.sim.iccid)]


def test_the_service_of_a_returned_order_ends(placed: Order, network: str, clara: User) -> None:
    sold = settled(placed)
    asked = returning.request_return(sold, actor=clara, because="goodwill")
    break_it(network, "end", "html")

    assert process_task(returning.KIND, asked.pk) is not None
    asked.refresh_from_db()
    assert asked.last_error.startswith("NetworkUnavailable: ")
    assert process_task(returning.KIND, asked.pk) is None
    assert live(network) == [("ended",)]
