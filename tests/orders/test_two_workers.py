"""Of two workers that process one order, one makes each change."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from esim.models import Profile, Sim
from esim.states import SimState
from orders.domain import esims, moving, new_plans, settling
from orders.models import Order
from orders.states import NEXT_STATES, OrderState
from outbox.domain import Lease, LeaseLost
from outbox.models import Task
from subscriptions.models import Subscription
from tests.builders import make_card
from tests.orders.conftest import settled
from tests.providers import break_it, profiles, statuses


def test_processing_a_completed_order_does_nothing(placed: Order, gateway: str, smdp: str) -> None:
    settled(placed, times=2)

    assert statuses(gateway) == ["captured"]
    assert len(profiles(smdp)) == 1


def test_a_worker_that_lost_the_lease_stops_without_a_trace(placed: Order, gateway: str) -> None:
    with pytest.raises(LeaseLost):
        settling.settle(str(placed.pk), Lease(0, "another's"))

    assert statuses(gateway) == []
    assert Order.objects.get(pk=placed.pk).tries == 0


def test_of_two_workers_one_gives_the_order_its_profile(placed: Order, smdp: str) -> None:
    seen_before = Order.objects.get(pk=placed.pk)
    order = settled(placed)

    with pytest.raises(moving.IllegalTransition):
        esims.make_sim_ready(seen_before, Free())

    assert profiles(smdp) == [(order.sim_in_use.iccid, "Released")]  # type: ignore[union-attr]  # it has one
    assert Sim.objects.filter(state=SimState.RESERVED).count() == 0


def test_an_order_under_way_gets_no_second_profile(placed: Order, smdp: str, gateway: str) -> None:
    break_it(smdp, "downloadOrder", "http_500")
    order = settled(placed)
    assert order.state == OrderState.IN_PROGRESS
    seen_before = Order.objects.get(pk=placed.pk)
    seen_before.profile = None

    with pytest.raises(moving.IllegalTransition, match="a profile already"):
        esims.make_sim_ready(seen_before, Free())

    assert Order.objects.get(pk=placed.pk).profile == order.profile
    assert Profile.objects.count() == 1


@pytest.mark.parametrize("state", [OrderState.CANCELLED, OrderState.PENDING])
def test_only_an_order_in_progress_advances(placed: Order, smdp: str, state: OrderState) -> None:
    card = make_card()
    Order.objects.filter(pk=placed.pk).update(state=state)

    with pytest.raises(moving.IllegalTransition):
        esims.make_sim_ready(placed, Free())
    with pytest.raises(moving.IllegalTransition):
        new_plans._put_plan_on_line(placed, card)  # noqa: SLF001 -- the same
    with pytest.raises(moving.CancelWon):
        settling._decide_to_charge(placed)  # noqa: SLF001 -- the same

    order = Order.objects.get(pk=placed.pk)
    assert (order.profile, order.subscription, order.charge_decided_at) == (None, None, None)
    assert (Profile.objects.count(), Subscription.objects.count()) == (0, 0)


def test_a_charge_is_not_decided_twice(placed: Order) -> None:
    seen_before = Order.objects.get(pk=placed.pk)
    at = now() - timedelta(hours=1)
    Order.objects.filter(pk=placed.pk).update(state=OrderState.IN_PROGRESS, charge_decided_at=at)

    with pytest.raises(moving.CancelWon):
        settling._decide_to_charge(seen_before)  # noqa: SLF001 -- the test needs this step alone

    assert Order.objects.get(pk=placed.pk).charge_decided_at == at


def test_of_two_workers_one_puts_the_plan_on_the_line(
    placed: Order, smdp: str, gateway: str
) -> None:
    break_it(gateway, "capture", "http_500")
    settled(placed)
    order = Order.objects.get(pk=placed.pk)
    sim = order.sim_in_use
    assert sim is not None
    seen_before = Order.objects.get(pk=placed.pk)
    seen_before.subscription = None

    with pytest.raises(moving.IllegalTransition, match="its plan already"):
        new_plans._put_plan_on_line(seen_before, sim)  # noqa: SLF001 -- the test needs this step alone

    assert Subscription.objects.count() == 1


def test_of_two_workers_one_completes_the_order(placed: Order, smdp: str, gateway: str) -> None:
    break_it(gateway, "capture", "http_500")
    settled(placed)
    seen_before = Order.objects.get(pk=placed.pk)
    order = settled(placed)
    assert order.state == OrderState.COMPLETED

    with pytest.raises(moving.IllegalTransition, match="another worker moved it"):
        settling._complete(seen_before)  # noqa: SLF001 -- the test needs this step alone

    assert Order.objects.get(pk=placed.pk).last_error == ""


def test_of_two_workers_one_moves_the_order(placed: Order) -> None:
    seen_before = Order.objects.get(pk=placed.pk)
    moving.move(placed, OrderState.IN_PROGRESS)

    with pytest.raises(moving.IllegalTransition, match="another worker moved it"):
        moving.move(seen_before, OrderState.IN_PROGRESS)

    assert placed.changes.count() == 1


class Free(Lease):
    """A lease that no other worker takes."""

    def __init__(self) -> None:
        super().__init__(0, "")

    def renew(self) -> None:
        """Keep the lease."""


def test_processing_a_payment_enqueues_its_order(placed: Order, smdp: str) -> None:
    settling.enqueue_of_payment(str(placed.payment_id), Free())
    settling.enqueue_of_payment("0", Free())

    task = Task.objects.get()
    assert (task.kind, task.subject, task.enqueue_count) == ("order", str(placed.pk), 2)


def test_a_move_that_the_table_does_not_allow_is_refused(placed: Order) -> None:
    for old in OrderState:
        for new in set(OrderState) - NEXT_STATES[old]:
            order = Order(pk=placed.pk, state=old)
            with pytest.raises(moving.IllegalTransition):
                moving.move(order, new)
