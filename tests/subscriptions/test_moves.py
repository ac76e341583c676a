"""`subscriptions.domain.moves`: a plan on two SIMs, then only on the new or the old one."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import AccessEvent, AccountMessage, User
from esim.domain import pool, provisioning
from esim.models import Profile, Sim
from esim.signals import profile_downloaded
from moportal.database import statements
from outbox.domain import Lease
from outbox.models import Task
from subscriptions.domain import account_deletion, lifecycle, moves, sharing
from subscriptions.models import Bucket, PlanMove, SimOnLine, Subscription
from subscriptions.states import MoveState
from tests.builders import EID, GB, make_card, make_pool
from tests.processing import process_task
from tests.providers import break_it, states
from tests.races import at_once
from tests.subscriptions.test_sharing import activate, active_on, left_on, sell, stay_of, take_off
from tests.subscriptions.usages import said, tell

Proof = SimOnLine.Proof


@pytest.fixture
def phone(db: None) -> Sim:
    return make_card()


@pytest.fixture
def tablet(db: None) -> Sim:
    return make_card()


@pytest.fixture
def sold(alice: User, phone: Sim, network: str) -> Subscription:
    """Return a plan for one device, on the phone."""
    return sell(alice, phone, more_devices=0)


@pytest.fixture
def move(sold: Subscription, phone: Sim, tablet: Sim) -> PlanMove:
    """Return the plan's move from the phone to the tablet, whose SIM needs no download."""
    return begin(sold, phone, tablet)


@pytest.fixture
def esim(smdp: str) -> Profile:
    """Return an eSIM that waits to be downloaded."""
    make_pool(2)
    profile = pool.intend(eid=EID, profile_type="consumer")
    return provisioning.make_ready(profile, before_call=lambda: None)


@pytest.fixture
def waiting(sold: Subscription, phone: Sim, esim: Profile) -> PlanMove:
    """Return the plan's move to an eSIM that waits to be downloaded."""
    return begin(sold, phone, esim.sim, waits_for_download=True)


def begin(sold: Subscription, old: Sim, new: Sim, *, waits_for_download: bool = False) -> PlanMove:
    number = stay_of(old)
    moves.prepare(sold, new, old=number, reference="M1", proof=Proof.ISSUED)
    activate(sold, new)
    moves.begin("M1", waits_for_download=waits_for_download)
    return PlanMove.objects.get()


def advance(move: PlanMove) -> Any:
    answer = process_task(moves.KIND, move.pk)
    move.refresh_from_db()
    return answer


def let_time_pass(move: PlanMove) -> None:
    PlanMove.objects.filter(pk=move.pk).update(retires_at=now())


def download(profile: Profile) -> None:
    Profile.objects.filter(pk=profile.pk).update(state="downloaded", downloaded_at=now())
    profile_downloaded.send(Profile, profile=profile)


def test_the_second_preparation_of_an_order_changes_nothing(
    sold: Subscription, phone: Sim, tablet: Sim
) -> None:
    for _ in range(2):
        number = stay_of(phone)
        moves.prepare(sold, tablet, old=number, reference="M1", proof=Proof.ISSUED)

    assert PlanMove.objects.get().state == MoveState.PREPARED
    assert SimOnLine.objects.filter(sim=tablet).count() == 1


# -- The half hour ---------------------------------------------------------------------------------


def test_the_plan_works_on_both_devices_with_the_same_data(
    move: PlanMove, phone: Sim, tablet: Sim, network: str
) -> None:
    at = now()
    tell(said("1", phone, at, GB), said("2", tablet, at, 2 * GB), at=at)

    assert active_on(network) == [phone.iccid, tablet.iccid]
    assert left_on(phone) == left_on(tablet) == [2 * GB]
    assert Bucket.objects.get().used_bytes == 3 * GB


def test_the_old_device_leaves_half_an_hour_later_and_not_before(
    move: PlanMove, phone: Sim, tablet: Sim, network: str
) -> None:
    left = advance(move).delay
    assert timedelta(minutes=29) < left <= timedelta(minutes=30)
    assert left_on(phone) == [5 * GB]

    let_time_pass(move)
    number = stay_of(phone)
    assert advance(move) is None
    take_off(number)

    assert (move.state, left_on(phone), left_on(tablet)) == (MoveState.DONE, [0], [5 * GB])
    assert active_on(network) == [tablet.iccid]
    # A worker that comes again finds nothing to do.
    assert advance(move) is None


def test_all_addresses_are_told_with_the_time_until_which_it_can_be_undone(
    move: PlanMove, alice: User
) -> None:
    told = AccountMessage.objects.get(account=alice, occasion="plan_moved")

    assert told.context["until"] == move.retires_at


def test_the_old_device_stays_two_days_if_the_access_has_changed_lately(
    sold: Subscription, phone: Sim, tablet: Sim, alice: User
) -> None:
    AccessEvent.objects.create(account=alice, kind=AccessEvent.Kind.PASSWORD_CHANGED)

    move = begin(sold, phone, tablet)

    assert advance(move).delay > timedelta(hours=47)


def test_a_downloaded_esim_that_was_left_is_retired(
    alice: User, esim: Profile, tablet: Sim, network: str
) -> None:
    download(esim)
    sold = sell(alice, esim.sim, more_devices=0)
    move = begin(sold, esim.sim, tablet)
    let_time_pass(move)
    number = stay_of(esim.sim)

    advance(move)
    take_off(number)

    esim.refresh_from_db()
    assert (esim.state, esim.sim.state) == ("downloaded", "retired")


def test_an_esim_that_was_left_before_anybody_downloaded_it_is_cancelled(
    alice: User, esim: Profile, tablet: Sim, network: str, smdp: str
) -> None:
    move = begin(sell(alice, esim.sim, more_devices=0), esim.sim, tablet)
    let_time_pass(move)
    number = stay_of(esim.sim)

    advance(move)
    take_off(number)

    assert states(smdp) == ["Unavailable"]


# -- The download ----------------------------------------------------------------------------------


def test_until_the_download_is_confirmed_the_old_device_goes_on(
    waiting: PlanMove, phone: Sim, alice: User, settings: Settings
) -> None:
    settings.ESIM_EXPIRY_DAYS = 90

    assert advance(waiting).delay > timedelta(days=89)

    assert (waiting.state, waiting.retires_at) == (MoveState.BEGUN, None)
    assert left_on(phone) == [5 * GB]
    assert not AccountMessage.objects.filter(account=alice).exists()


def test_once_it_is_confirmed_the_half_hour_begins(
    waiting: PlanMove, esim: Profile, alice: User
) -> None:
    download(esim)
    assert Task.objects.filter(kind=moves.KIND, subject=str(waiting.pk), closed_at=None).exists()

    advance(waiting)

    assert waiting.state == MoveState.LIVE
    assert AccountMessage.objects.filter(account=alice, occasion="plan_moved").count() == 1


@pytest.mark.parametrize("fault", ["http_500", "http"])
def test_the_half_hour_does_not_begin_before_the_plan_is_active_on_the_new_device(
    waiting: PlanMove, esim: Profile, phone: Sim, network: str, fault: str
) -> None:
    """The line has got another plan, which the network does not activate at once."""
    account = waiting.line.account
    sell(account, phone, reference="R2")
    download(esim)
    break_it(network, "activate", fault, status=422)

    assert advance(waiting).delay == moves.INTERVAL
    assert waiting.state == MoveState.BEGUN
    advance(waiting)

    assert waiting.state == MoveState.LIVE


def test_an_esim_that_nobody_downloads_is_withdrawn_in_the_end(
    waiting: PlanMove, esim: Profile, phone: Sim, network: str, smdp: str
) -> None:
    PlanMove.objects.update(begun_at=now() - timedelta(days=91))
    number = stay_of(esim.sim)

    assert advance(waiting) is None
    take_off(number)

    assert waiting.state == MoveState.DROPPED
    assert (states(smdp), active_on(network)) == (["Unavailable"], [phone.iccid])
    told = AccountMessage.objects.get(occasion="move_dropped")
    assert told.context["old_last4"] == phone.iccid[-4:]
    assert told.context["new_last4"] == esim.sim.iccid[-4:]


def test_without_such_a_term_it_waits_for_ever(waiting: PlanMove, settings: Settings) -> None:
    settings.ESIM_EXPIRY_DAYS = 0

    assert advance(waiting) is None
    assert waiting.state == MoveState.BEGUN


def test_an_esim_that_is_issued_again_takes_its_place_in_the_move(
    waiting: PlanMove, esim: Profile, phone: Sim
) -> None:
    again = pool.intend(eid=EID, profile_type="consumer")

    assert lifecycle.replace_sim(esim.sim, again.sim)

    waiting.refresh_from_db()
    assert waiting.new_id == stay_of(again.sim)
    assert lifecycle.replace_sim(phone, make_card())
    waiting.refresh_from_db()
    assert (waiting.old.until, waiting.old.sim == phone) == (None, False)


# -- Undone ----------------------------------------------------------------------------------------


def test_undone_the_new_device_leaves_and_the_old_one_goes_on(
    move: PlanMove, phone: Sim, tablet: Sim, network: str, alice: User
) -> None:
    number = stay_of(tablet)

    moves.undo(move, actor=alice)
    take_off(number)

    assert (left_on(phone), left_on(tablet)) == ([5 * GB], [0])
    assert active_on(network) == [phone.iccid]
    assert advance(move) is None
    with pytest.raises(moves.TooLateToUndo):
        moves.undo(move, actor=alice)


def test_a_card_with_a_line_of_its_own_goes_back_there(
    sold: Subscription, phone: Sim, tablet: Sim, alice: User
) -> None:
    own = lifecycle.put_on_new_line(alice, tablet, proof=Proof.PROVEN).line
    move = begin(sold, phone, tablet)

    moves.undo(move, actor=alice)

    assert SimOnLine.objects.get(sim=tablet, until=None).line == own


def test_stopped_before_its_download_the_esim_is_cancelled(
    waiting: PlanMove, esim: Profile, alice: User, smdp: str
) -> None:
    number = stay_of(esim.sim)

    moves.undo(waiting, actor=alice)
    take_off(number)

    assert states(smdp) == ["Unavailable"]
    assert Task.objects.filter(kind=moves.KIND, subject=str(waiting.pk), closed_at=None).exists()


def test_a_move_is_not_undone_once_the_old_device_has_left_by_itself(
    move: PlanMove, phone: Sim, alice: User
) -> None:
    lifecycle.remove_from_line(phone)

    with pytest.raises(moves.TooLateToUndo):
        moves.undo(move, actor=alice)
    assert advance(move) is None
    assert move.state == MoveState.DONE


def test_the_old_device_stays_if_the_new_sim_has_left_the_line(
    move: PlanMove, phone: Sim, tablet: Sim
) -> None:
    """For example, another customer has proven that the SIM is theirs."""
    lifecycle.remove_from_line(tablet)
    let_time_pass(move)

    assert advance(move) is None
    assert (move.state, left_on(phone)) == (MoveState.DROPPED, [5 * GB])
    assert AccountMessage.objects.latest("pk").occasion == "move_dropped"


def test_a_worker_that_comes_late_leaves_nothing_active_on_the_new_device(
    waiting: PlanMove, esim: Profile, alice: User
) -> None:
    download(esim)
    seen_before = moves._load(waiting.pk)  # noqa: SLF001 -- as a worker has read it
    moves.undo(waiting, actor=alice)
    Task.objects.update(closed_at=now())

    moves._wait_for_download(seen_before, Lease(0, "late"))  # noqa: SLF001 -- the same

    subject = str(waiting.new_id)
    assert Task.objects.filter(kind=sharing.KIND, subject=subject, closed_at=None).exists()


# -- Beside other changes --------------------------------------------------------------------------


def test_the_devices_of_an_open_move_are_not_removed_but_others_are(
    alice: User, phone: Sim, tablet: Sim, network: str
) -> None:
    sold, laptop = sell(alice, phone), make_card()
    sharing.join(sold, laptop, proof=Proof.ISSUED)
    begin(sold, phone, tablet)

    for moving in (phone, tablet):
        with pytest.raises(sharing.Moving):
            sharing.remove(sold, stay_of(moving))

    sharing.remove(sold, stay_of(laptop))
    # Its place is free, whatever becomes of the move.
    assert sharing.places_left(sold) == 1


def test_a_second_move_of_the_line_is_refused(
    move: PlanMove, sold: Subscription, phone: Sim
) -> None:
    with pytest.raises(moves.NotMovable):
        moves.prepare(sold, make_card(), old=stay_of(phone), reference="M2", proof=Proof.NONE)


def test_a_deleted_account_leaves_no_open_move_and_no_esim(
    waiting: PlanMove, alice: User, smdp: str
) -> None:
    number = waiting.new_id

    account_deletion._end_plans(alice)  # noqa: SLF001 -- the deletion calls it
    take_off(number)

    waiting.refresh_from_db()
    assert (waiting.state, states(smdp)) == (MoveState.DROPPED, ["Unavailable"])
    # The account is gone, so no message can say it there.
    assert not AccountMessage.objects.filter(account=alice).exists()


# -- Races -----------------------------------------------------------------------------------------


def race(alice: User) -> list[int]:
    """Undo a move while a worker retires the old SIM; return what is left on each of the SIMs."""
    phone, tablet = make_card(), make_card()
    move = begin(sell(alice, phone, more_devices=0), phone, tablet)
    let_time_pass(move)
    actions: list[Any] = [
        lambda: moves.undo(move, actor=alice),
        lambda: process_task(moves.KIND, move.pk),
    ]

    def act() -> None:
        actions.pop()()

    at_once(act, 2)
    return sorted([*left_on(phone), *left_on(tablet)])


@pytest.mark.django_db(transaction=True)
def test_of_an_undo_and_the_retirement_at_once_one_wins(alice: User, network: str) -> None:
    assert race(alice) == [0, 5 * GB]


@pytest.fixture
def both_have_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let both read the move before either changes it, as if the lock of the line were not held."""
    barrier = threading.Barrier(2, timeout=20)

    def load(key: str | int) -> PlanMove:
        found = moves._load(key)  # noqa: SLF001 -- what `_lock` returns
        barrier.wait()
        return found

    monkeypatch.setattr(moves, "_lock", load)


@pytest.mark.django_db(transaction=True)
def test_even_if_both_have_read_it_before_one_wins(
    alice: User, network: str, both_have_read: None
) -> None:
    assert race(alice) == [0, 5 * GB]


@pytest.mark.django_db(transaction=True)
def test_without_the_comparison_the_plan_would_be_on_no_device(
    alice: User, network: str, both_have_read: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_unseen(row: Any, _next_states: Any, new: Any, **fields: Any) -> bool:
        type(row).objects.filter(pk=row.pk).update(state=new, **fields)
        return True

    monkeypatch.setattr(statements, "move", write_unseen)

    assert race(alice) == [0, 0]
