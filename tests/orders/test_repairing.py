"""`orders.domain.repairing`: repair a sold eSIM on its order, never charged, never doubled."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import User
from esim.domain import provisioning
from esim.models import Profile, Sim, Source
from esim.states import ProfileState, SimState
from orders.domain import repairing
from orders.domain.repairing import NothingToRepair, advance_repair
from orders.domain.returning import request_return
from orders.models import Order, Repair
from orders.states import OrderState, RepairState
from outbox.domain import Lease, LeaseLost, RetryAfter
from outbox.models import Task
from subscriptions.balances import balances
from subscriptions.domain import sharing
from subscriptions.models import LiveSim, SimOnLine
from tests.builders import (
    OTHER_EID,
    make_card,
    make_order,
    make_pool,
    make_provider,
    make_visit,
    payment_of,
)
from tests.orders.conftest import settled
from tests.peer import Answer, Peer, answering
from tests.processing import process_task
from tests.providers import books, break_it, profiles, statuses
from tests.races import at_once


@pytest.fixture
def sold(placed: Order) -> Order:
    """Return Alice's completed order, whose eSIM is not downloaded."""
    return settled(placed)


def process(asked: Repair, times: int = 1) -> RetryAfter | None:
    """Let a worker process the repair this many times."""
    answer = None
    for _ in range(times):
        answer = process_task("repair", asked.pk)
    asked.refresh_from_db()
    return answer


def reissue(order: Order, **said: Any) -> Repair:
    return repairing.reissue(order, actor=order.account, because="EidMismatch", **said)


def profile_of(order: Order) -> Profile:
    """Return the order's eSIM, read again."""
    found = Order.objects.get(pk=order.pk).profile
    assert found is not None
    return found


def at_smdp(smdp: str) -> dict[str, str]:
    return dict(profiles(smdp))


def test_a_reissue_cancels_the_old_esim_and_a_new_one_takes_its_place(
    sold: Order, smdp: str, gateway: str
) -> None:
    old = profile_of(sold)
    Order.objects.filter(pk=sold.pk).update(handed_over_at=now())

    asked = reissue(sold, eid=OTHER_EID)
    process(asked)

    new = profile_of(sold)
    assert Order.objects.get(pk=sold.pk).handed_over_at is None
    old.refresh_from_db()
    assert (asked.state, asked.last_error) == (RepairState.DONE, "")
    assert (old.state, old.sim.state) == (ProfileState.CANCELLED, SimState.RETIRED)
    assert (new.state, new.eid) == (ProfileState.RELEASED, OTHER_EID)
    assert at_smdp(smdp) == {old.sim.iccid: "Unavailable", new.sim.iccid: "Released"}
    assert statuses(gateway) == ["captured"]


def test_the_plan_moves_to_the_new_esim(sold: Order, smdp: str) -> None:
    old = profile_of(sold)
    at = sold.completed_at
    assert at is not None

    process(reissue(sold))

    new = profile_of(sold)
    assert [b.type for b in balances(new.sim.iccid, location=None, at=at)] == ["MODIRECTPAYG"]
    assert [b.type for b in balances(old.sim.iccid, location=None, at=at)] == ["NONE"]
    assert Sim.objects.get(pk=new.sim_id).state == SimState.IN_USE


def test_clicking_twice_makes_one_repair(sold: Order) -> None:
    assert reissue(sold) == reissue(sold)


@pytest.mark.django_db(transaction=True)
def test_concurrent_clicks_make_one_repair(sold: Order) -> None:
    asked = at_once(lambda: reissue(Order.objects.get(pk=sold.pk)).pk, 8)

    assert len(set(asked)) == 1
    assert Repair.objects.count() == 1


def test_a_downloaded_esim_is_not_issued_again(sold: Order, smdp: str) -> None:
    old = profile_of(sold)
    told = {"activationCode": str(old.activation_code), "eid": old.eid}
    httpx.post(f"{smdp}/device/download", json=told, trust_env=False)

    asked = reissue(sold)
    process(asked)

    assert (asked.state, asked.last_error) == (RepairState.REFUSED, "downloaded already")
    assert profile_of(sold) == old
    assert len(at_smdp(smdp)) == 1


def test_a_customer_can_reissue_only_so_often(sold: Order, settings: Settings) -> None:
    make_pool(3)
    for _ in range(settings.REISSUE_LIMIT):
        process(reissue(Order.objects.get(pk=sold.pk)))

    with pytest.raises(NothingToRepair):
        reissue(Order.objects.get(pk=sold.pk))


def test_a_repair_under_way_does_not_count_yet(sold: Order, settings: Settings) -> None:
    settings.REISSUE_LIMIT = 1

    asked = reissue(sold)

    assert repairing.may_be_reissued(sold)
    process(asked)
    assert not repairing.may_be_reissued(sold)


def test_a_repair_keeps_the_visit_in_which_it_was_requested(sold: Order) -> None:
    assert reissue(sold, visit=sold.visit).visit == sold.visit


def test_the_repair_of_another_order_is_not_changed(sold: Order) -> None:
    visit = make_visit(account=sold.account)
    method = payment_of(sold).method
    other = settled(make_order(sold.account, visit=visit, method=method, plan=sold.plan))
    others, asked = reissue(other), reissue(sold)
    make_pool(1)

    process(asked)

    others.refresh_from_db()
    assert (asked.state, others.state) == (RepairState.DONE, RepairState.ASKED)


def test_staff_can_reissue_more_often(sold: Order, clara: User, settings: Settings) -> None:
    settings.REISSUE_LIMIT = 0

    process(repairing.reissue(sold, actor=clara, because="staff"))

    assert Repair.objects.get().state == RepairState.DONE


def test_an_incomplete_order_is_not_repaired(alice: User) -> None:
    order = make_order(alice)

    with pytest.raises(NothingToRepair):
        reissue(order)
    with pytest.raises(NothingToRepair):
        repairing.release(order, actor=alice, because="x")


def test_an_order_has_its_esim_from_completion_until_it_is_taken_back(
    sold: Order, clara: User
) -> None:
    assert repairing.has_esim(sold)
    assert not repairing.has_esim(Order(state=OrderState.IN_PROGRESS, profile=sold.profile))
    assert not repairing.has_esim(Order(state=OrderState.COMPLETED))

    request_return(sold, actor=clara, because="x")

    assert not repairing.has_esim(Order.objects.get(pk=sold.pk))


def test_the_old_esim_is_kept_while_no_new_one_is_available(sold: Order, smdp: str) -> None:
    Sim.objects.filter(state=SimState.AVAILABLE).delete()
    asked = reissue(sold)

    assert process(asked) is not None

    assert asked.state == RepairState.ASKED
    assert list(at_smdp(smdp).values()) == ["Released"]
    make_pool(1)
    process(asked)
    assert asked.state == RepairState.DONE


def test_the_new_esim_comes_from_the_provider_of_the_market(sold: Order) -> None:
    there = make_provider(code="there")
    Source.objects.create(profile_type="consumer", market=sold.visit.market, provider=there)
    asked = reissue(sold)

    process(asked)
    assert (asked.state, asked.last_error) == (RepairState.ASKED, "PoolEmpty: consumer")

    make_pool(1, provider=there)
    process(asked)
    assert asked.state == RepairState.DONE
    assert profile_of(sold).provider == there


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "http_500", "html", "malformed"])
@pytest.mark.parametrize("function", ["cancelOrder", "downloadOrder", "confirmOrder"])
def test_a_lost_answer_doubles_nothing(sold: Order, smdp: str, function: str, fault: str) -> None:
    break_it(smdp, function, fault)
    asked = reissue(sold)

    assert process(asked) is not None
    process(asked)

    assert asked.state == RepairState.DONE
    assert sorted(at_smdp(smdp).values()) == ["Released", "Unavailable"]


def test_a_refused_new_esim_fails_the_repair(sold: Order, smdp: str) -> None:
    break_it(smdp, "downloadOrder", "wrong_iccid")
    asked = reissue(sold)
    process(asked)
    assert asked.state == RepairState.FAILED

    again = reissue(Order.objects.get(pk=sold.pk))
    make_pool(1)
    process(again)

    assert again.state == RepairState.DONE
    assert profile_of(sold).state == ProfileState.RELEASED


def test_processing_an_ended_repair_again_changes_nothing(sold: Order, smdp: str) -> None:
    asked = reissue(sold)
    process(asked, times=2)

    assert len(at_smdp(smdp)) == 2


def test_an_esim_that_does_not_fit_is_replaced_by_the_other_profile_type(
    sold: Order, smdp: str
) -> None:
    make_pool(1, profile_type="legacy")
    sold.plan.other_profile_type = "legacy"
    sold.plan.save()
    asked = repairing.reissue(sold, actor=sold.account, because="NoEligibleProfileForThisDevice")

    process(asked)

    assert profile_of(sold).sim.profile_type == "legacy"


def test_for_any_other_reason_the_profile_type_stays_the_same(sold: Order, smdp: str) -> None:
    sold.plan.other_profile_type = "legacy"
    sold.plan.save()

    asked = reissue(sold)
    process(asked)

    assert asked.state == RepairState.DONE
    assert profile_of(sold).sim.profile_type == sold.plan.profile_type


def test_an_smdp_that_asks_for_time_gets_it(sold: Order, settings: Settings) -> None:
    asked = reissue(sold)
    busy = Answer(status=429, headers={"Retry-After": "9"})
    with answering(Peer(next=[lambda _body: busy])) as peer:
        settings.SMDP_URL = peer.url

        assert process(asked) == RetryAfter(timedelta(seconds=9))


def test_a_profile_that_was_not_released_is_released(sold: Order, smdp: str) -> None:
    because = "ProfileNotReleasedByOperator"
    asked = repairing.release(sold, actor=sold.account, because=because, visit=sold.visit)
    assert (asked.because, asked.visit, asked.eid) == (because, sold.visit, sold.eid)

    process(asked)

    assert asked.state == RepairState.DONE
    assert profile_of(sold).calls.last().function == "releaseProfile"  # type: ignore[union-attr]  # it was called
    assert list(at_smdp(smdp).values()) == ["Released"]


def test_a_repair_from_an_outdated_page_concerns_the_new_esim(sold: Order) -> None:
    seen_before = Order.objects.select_related("profile").get(pk=sold.pk)
    assert seen_before.profile is not None
    process(reissue(sold))

    again = repairing.release(seen_before, actor=sold.account, because="x")

    assert again.old_profile == profile_of(sold)


def test_a_repair_of_a_replaced_esim_does_nothing(sold: Order, smdp: str) -> None:
    asked = reissue(sold)
    (spare,) = make_pool(1)
    Profile.objects.filter(pk=asked.old_profile_id).update(state=ProfileState.RELEASED)
    Order.objects.filter(pk=sold.pk).update(profile=None)

    process(asked)

    assert asked.state == RepairState.FAILED
    assert asked.last_error == "the order has another eSIM by now"
    assert len(at_smdp(smdp)) == 1
    assert spare.state == SimState.AVAILABLE


def test_a_refused_new_esim_leaves_nothing_behind(sold: Order, smdp: str) -> None:
    break_it(smdp, "confirmOrder", "wrong_iccid")
    asked = reissue(sold)

    process(asked)

    assert asked.state == RepairState.FAILED
    assert asked.last_error.startswith("refused by the SM-DP+: ")
    assert set(at_smdp(smdp).values()) == {"Unavailable"}
    assert asked.new_profile is not None
    assert asked.new_profile.sim.state == SimState.RETIRED


def test_a_worker_that_lost_the_lease_leaves_the_repair_alone(sold: Order, smdp: str) -> None:
    asked = reissue(sold)

    with pytest.raises(LeaseLost):
        advance_repair(str(asked.pk), Lease(0, "another's"))

    asked.refresh_from_db()
    assert (asked.state, asked.tries) == (RepairState.ASKED, 0)
    assert list(at_smdp(smdp).values()) == ["Released"]


def test_an_unexpected_error_counts_as_an_attempt(
    sold: Order, smdp: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object) -> None:
        raise ZeroDivisionError

    asked = reissue(sold)
    with monkeypatch.context() as patched:
        patched.setattr(repairing, "_advance", broken)
        assert process(asked) is not None
    assert (asked.tries, asked.last_error) == (1, "ZeroDivisionError: ")

    process(asked)

    assert asked.state == RepairState.DONE


def test_a_refused_new_esim_is_cancelled_as_soon_as_possible(sold: Order, smdp: str) -> None:
    break_it(smdp, "downloadOrder", "wrong_iccid")
    asked = reissue(sold)
    break_it(smdp, "cancelOrder", "delay")
    break_it(smdp, "cancelOrder", "http_500")

    assert process(asked) is not None
    assert asked.state == RepairState.ASKED
    process(asked)

    assert asked.state == RepairState.FAILED
    assert set(at_smdp(smdp).values()) == {"Unavailable"}


def test_a_refused_new_esim_that_is_on_a_device_is_retired(
    sold: Order, smdp: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_it(smdp, "downloadOrder", "wrong_iccid")
    asked = reissue(sold)
    cancel = provisioning.cancel

    def downloaded(profile: Profile, **said: Any) -> bool:
        return cancel(profile, **said) if profile.pk == asked.old_profile_id else False

    monkeypatch.setattr(provisioning, "cancel", downloaded)
    process(asked)

    assert asked.state == RepairState.FAILED
    assert asked.new_profile is not None
    assert asked.new_profile.sim.state == SimState.RETIRED


def remove_device(order: Order) -> None:
    """Remove the order's device from its plan, which another device shares."""
    plan = order.plan_in_use
    assert plan is not None
    SimOnLine.objects.create(line=plan.line, sim=make_card(), since=now())
    stay = SimOnLine.objects.get(sim=profile_of(order).sim, until=None)
    sharing.remove(plan, stay.pk)
    process_task(sharing.KIND, stay.pk)


def leaves_nothing(asked: Repair, smdp: str, network: str) -> bool:
    """Return whether the repair has failed, and no eSIM can be downloaded or use the plan."""
    [service] = books(network)["services"]
    is_over = (asked.state, asked.last_error) == (RepairState.FAILED, "the eSIM has left the plan")
    is_off = not service["iccids"] and not LiveSim.objects.filter(until=None).exists()
    return is_over and is_off and set(at_smdp(smdp).values()) == {"Unavailable"}


def test_of_a_removed_device_no_new_esim_is_issued(sold: Order, smdp: str, network: str) -> None:
    asked = reissue(sold)
    remove_device(sold)

    process(asked)

    assert leaves_nothing(asked, smdp, network)
    assert asked.new_profile is None


def test_a_new_esim_is_cancelled_if_its_device_was_removed_meanwhile(
    sold: Order, smdp: str, network: str
) -> None:
    break_it(smdp, "confirmOrder", "drop_after")
    asked = reissue(sold)
    process(asked)
    remove_device(sold)

    process(asked)

    assert leaves_nothing(asked, smdp, network)
    assert asked.new_profile is not None
    assert asked.new_profile.state == ProfileState.CANCELLED


def test_a_device_that_is_removed_during_the_last_call_does_not_come_back(
    sold: Order, smdp: str, network: str
) -> None:
    class RemovedMeanwhile(Lease):
        def cover_call(self) -> None:
            new = LiveSim.objects.exclude(sim=profile_of(sold).sim).filter(until=None)
            if new.exists() and not SimOnLine.objects.exclude(until=None).exists():
                remove_device(sold)

    asked = reissue(sold)
    task = Task.objects.get(kind="repair", subject=str(asked.pk))
    advance_repair(str(asked.pk), RemovedMeanwhile(task.pk, "test"))
    asked.refresh_from_db()

    assert leaves_nothing(asked, smdp, network)
    assert not SimOnLine.objects.filter(sim__kind=Sim.Kind.PROFILE, until=None).exists()


def test_of_two_workers_one_takes_each_step(sold: Order, smdp: str) -> None:
    asked = reissue(sold)
    seen_before = Repair.objects.select_related("order__plan", "old_profile__sim").get(pk=asked.pk)
    process(asked)
    (spare,) = make_pool(1)
    done = Repair.objects.select_related("new_profile__sim").get(pk=asked.pk)
    assert done.new_profile is not None

    with pytest.raises(LeaseLost):
        repairing._reserve_profile(seen_before, "consumer")  # noqa: SLF001 -- the test needs each step alone
    with pytest.raises(LeaseLost):
        repairing._end(seen_before, RepairState.DONE)  # noqa: SLF001 -- the same
    Repair.objects.filter(pk=asked.pk).update(state=RepairState.ASKED, ended_at=None)
    with pytest.raises(LeaseLost):
        repairing._replace_esim(seen_before, done.new_profile)  # noqa: SLF001 -- the same

    spare.refresh_from_db()
    assert spare.state == SimState.AVAILABLE
    assert Repair.objects.get().state == RepairState.ASKED
