"""`subscriptions.domain.sharing`: the devices that share a plan, and the removal of one."""

import threading
from typing import Any

import pytest
from django.utils.timezone import now

from accounts.models import User
from esim.domain import pool, provisioning
from esim.models import Profile, Sim
from subscriptions.balances import balances
from subscriptions.domain import activation, lifecycle, sharing
from subscriptions.domain.lifecycle import SimOfAnother
from subscriptions.domain.sharing import (
    LastDevice,
    NoPlaceLeft,
    NoSuchDevice,
    NotShared,
    SimHasPlan,
    StillLeaving,
)
from subscriptions.models import Bucket, Line, SimOnLine, Subscription
from subscriptions.states import ParkReason
from tests.builders import EID, GB, make_card, make_plan, make_pool
from tests.processing import process_task
from tests.providers import books, break_it, states
from tests.races import at_once
from tests.subscriptions.usages import said, tell

Proof = SimOnLine.Proof


def sell(account: User, sim: Sim, *, reference: str = "R1", **of_plan: Any) -> Subscription:
    """Sell a plan for the SIM, active in the network, that another device may share."""
    plan = make_plan(**{"code": reference, "more_devices": 1, **of_plan})
    sold = lifecycle.prepare(account, sim=sim, plan=plan, plan_name="x", reference=reference)
    activate(sold, sim)
    lifecycle.start(sold, at=now())
    sold.refresh_from_db()
    return sold


def activate(sold: Subscription, sim: Sim) -> None:
    activation.activate(sold, sim, before_call=lambda: None)


@pytest.fixture
def phone(db: None) -> Sim:
    return make_card()


@pytest.fixture
def laptop(db: None) -> Sim:
    return make_card()


@pytest.fixture
def sold(alice: User, phone: Sim, network: str) -> Subscription:
    return sell(alice, phone)


@pytest.fixture
def shared(sold: Subscription, laptop: Sim) -> Subscription:
    """Return the plan, shared by the phone and the laptop."""
    sharing.join(sold, laptop, proof=Proof.ISSUED)
    activate(sold, laptop)
    return sold


def stay_of(sim: Sim) -> int:
    return SimOnLine.objects.get(sim=sim, until=None).pk


def take_off(number: int) -> Any:
    return process_task(sharing.KIND, number)


def active_on(network: str) -> list[str]:
    """Return the ICCIDs on which the network has the plan active."""
    [service] = [one for one in books(network)["services"] if one["reference"] == "R1"]
    found: list[str] = service["iccids"]
    return found


def left_on(sim: Sim) -> list[int]:
    return [one.left_bytes for one in balances(sim.iccid, location="US", at=now())]


# -- Joining ---------------------------------------------------------------------------------------


def test_a_device_that_joins_sees_the_plans_balance(shared: Subscription, laptop: Sim) -> None:
    assert left_on(laptop) == [5 * GB]
    assert sharing.places_left(shared) == 0


def test_what_any_device_uses_is_taken_from_the_same_data(
    shared: Subscription, phone: Sim, laptop: Sim
) -> None:
    at = now()
    tell(said("1", phone, at, GB), said("2", laptop, at, 2 * GB), at=at)

    assert left_on(phone) == left_on(laptop) == [2 * GB]
    assert Bucket.objects.get().used_bytes == 3 * GB


def test_a_device_joins_once(shared: Subscription, laptop: Sim) -> None:
    again = sharing.join(shared, laptop, proof=Proof.ISSUED)

    assert again.pk == stay_of(laptop)


def test_no_more_devices_join_than_the_plan_allows(shared: Subscription) -> None:
    with pytest.raises(NoPlaceLeft):
        sharing.join(shared, make_card(), proof=Proof.ISSUED)


def test_a_plan_for_one_device_is_not_shared(alice: User, phone: Sim, network: str) -> None:
    sold = sell(alice, phone, more_devices=0)

    with pytest.raises(NoPlaceLeft):
        sharing.join(sold, make_card(), proof=Proof.ISSUED)


def test_a_sim_with_a_plan_of_its_own_does_not_join(
    alice: User, sold: Subscription, laptop: Sim
) -> None:
    own = sell(alice, laptop, reference="R2")

    with pytest.raises(SimHasPlan):
        sharing.join(sold, laptop, proof=Proof.NONE)
    assert sharing.plan_of_own(laptop) == own


def test_a_sim_whose_own_plan_is_over_leaves_its_line(
    alice: User, sold: Subscription, laptop: Sim
) -> None:
    own = sell(alice, laptop, reference="R2")
    SimOnLine.objects.filter(sim=laptop).update(proof=Proof.PROVEN)
    lifecycle.end(own)

    stay = sharing.join(sold, laptop, proof=Proof.NONE)

    assert (stay.line_id, stay.proof) == (sold.line_id, Proof.PROVEN)
    assert SimOnLine.objects.filter(sim=laptop, until=None).count() == 1


def test_a_sim_of_another_customer_does_not_join(
    bob: User, sold: Subscription, laptop: Sim, network: str
) -> None:
    sell(bob, laptop, reference="R2")

    with pytest.raises(SimOfAnother):
        sharing.join(sold, laptop, proof=Proof.NONE)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"parked_because": ParkReason.DISPUTE}, id="a dispute"),
        pytest.param({"state": "ended"}, id="ended"),
    ],
)
def test_no_device_joins_a_plan_that_is_not_in_order(
    sold: Subscription, changes: dict[str, Any]
) -> None:
    Subscription.objects.filter(pk=sold.pk).update(**changes)

    with pytest.raises(NotShared):
        sharing.join(sold, make_card(), proof=Proof.ISSUED)


def test_no_device_joins_a_plan_whose_time_is_over(sold: Subscription) -> None:
    lifecycle.cut_short(sold.periods.all(), at=now())

    with pytest.raises(NotShared):
        sharing.join(sold, make_card(), proof=Proof.ISSUED)


# -- Leaving ---------------------------------------------------------------------------------------


def test_a_removed_device_can_use_nothing_and_the_other_goes_on(
    shared: Subscription, phone: Sim, laptop: Sim, network: str
) -> None:
    number = stay_of(laptop)
    sharing.remove(shared, number)
    assert (left_on(laptop), left_on(phone)) == ([0], [5 * GB])

    assert take_off(number) is None

    assert active_on(network) == [phone.iccid]
    assert sharing.places_left(shared) == 1


def test_the_device_with_which_the_plan_was_bought_can_be_removed(
    shared: Subscription, phone: Sim, laptop: Sim, network: str
) -> None:
    number = stay_of(phone)
    sharing.remove(shared, number)
    take_off(number)

    assert active_on(network) == [laptop.iccid]


def test_the_last_device_is_not_removed(sold: Subscription, phone: Sim) -> None:
    with pytest.raises(LastDevice):
        sharing.remove(sold, stay_of(phone))


def test_a_device_is_removed_once(shared: Subscription, laptop: Sim) -> None:
    number = stay_of(laptop)
    sharing.remove(shared, number)

    with pytest.raises(NoSuchDevice):
        sharing.remove(shared, number)


@pytest.mark.parametrize("fault", ["http_500", "drop_after", "http"])
def test_a_removed_device_is_deactivated_once_the_network_answers(
    shared: Subscription, phone: Sim, laptop: Sim, network: str, fault: str
) -> None:
    number = stay_of(laptop)
    sharing.remove(shared, number)
    # By `http` the network refuses. Then staff must act, and the portal asks again.
    break_it(network, "deactivate", fault, status=422)

    assert take_off(number) is not None
    assert take_off(number) is None

    assert active_on(network) == [phone.iccid]


def test_an_esim_that_is_on_no_device_yet_is_cancelled_when_it_is_removed(
    sold: Subscription, smdp: str
) -> None:
    make_pool(1)
    profile = pool.intend(eid=EID, profile_type="consumer")
    provisioning.make_ready(profile, before_call=lambda: None)
    stay = sharing.join(sold, profile.sim, proof=Proof.ISSUED)
    sharing.remove(sold, stay.pk)
    break_it(smdp, "cancelOrder", "http_500")

    assert take_off(stay.pk) is not None
    assert take_off(stay.pk) is None

    assert states(smdp) == ["Unavailable"]
    assert Profile.objects.get().state == "cancelled"


def test_a_removed_device_joins_again_after_the_network_has_deactivated_it(
    shared: Subscription, phone: Sim, laptop: Sim, network: str
) -> None:
    number = stay_of(laptop)
    sharing.remove(shared, number)
    with pytest.raises(StillLeaving):
        sharing.join(shared, laptop, proof=Proof.ISSUED)
    take_off(number)

    sharing.join(shared, laptop, proof=Proof.ISSUED)
    activate(shared, laptop)
    # The task comes again, because its worker has died before it was closed.
    take_off(number)

    assert active_on(network) == [phone.iccid, laptop.iccid]


# -- Races -----------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_of_two_devices_that_want_the_last_place_one_joins(
    alice: User, phone: Sim, network: str
) -> None:
    sold = sell(alice, phone)
    waiting = [make_card(), make_card()]

    results = at_once(lambda: sharing.join(sold, waiting.pop(), proof=Proof.ISSUED), 2)

    assert sorted(type(one).__name__ for one in results) == ["NoPlaceLeft", "SimOnLine"]
    assert sharing.devices_of(sold).count() == 2


@pytest.mark.django_db(transaction=True)
def test_without_the_lines_lock_both_would_join(
    alice: User, phone: Sim, network: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sold = sell(alice, phone)
    waiting, count = [make_card(), make_card()], sharing.places_left
    both_have_counted = threading.Barrier(2, timeout=20)

    def count_together(subscription: Subscription) -> int:
        left = count(subscription)
        both_have_counted.wait()
        return left

    monkeypatch.setattr(sharing, "places_left", count_together)
    monkeypatch.setattr(sharing, "lock_line", lambda key: Line.objects.get(pk=key))

    at_once(lambda: sharing.join(sold, waiting.pop(), proof=Proof.ISSUED), 2)

    assert sharing.devices_of(sold).count() == 3


@pytest.mark.django_db(transaction=True)
def test_of_two_removals_at_once_one_leaves_the_last_device(
    alice: User, phone: Sim, laptop: Sim, network: str
) -> None:
    sold = sell(alice, phone)
    sharing.join(sold, laptop, proof=Proof.ISSUED)
    numbers = [stay_of(phone), stay_of(laptop)]

    results = at_once(lambda: sharing.remove(sold, numbers.pop()), 2)

    assert sorted(type(one).__name__ for one in results) == ["LastDevice", "SimOnLine"]
    assert sharing.devices_of(sold).count() == 1
