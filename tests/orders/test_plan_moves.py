"""A running plan is moved to this device: chosen at /lines/, ordered, undone, taken back."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils.timezone import now

from accounts.access.limiter import Locked
from accounts.models import AccessEvent, AccountMessage, User
from esim.models import Profile
from mobileplans.words import LineResult, MoDirectStatus, PurchaseInstrument, UserAccount
from orders import texts
from orders.domain import drafts, matching, move_offers, outcomes, placing, returning
from orders.domain.attach_offers import WhyNot
from orders.domain.drafts import StaleForm
from orders.models import Draft, Order
from orders.states import Failure, OrderKind, OrderState
from payments.models import Payment
from subscriptions.balances import balances
from subscriptions.domain import cancelling, lifecycle, moves, sharing
from subscriptions.models import OperatorLine, PlanMove, SimOnLine, Subscription
from subscriptions.states import MoveState, ParkReason
from tests.builders import GB, OTHER_EID, make_card, make_plan, make_visit
from tests.orders.conftest import settled
from tests.orders.test_attaching import (
    active_on,
    attach,
    first_iccid,
    iccid_of,
    send,
    words,
)
from tests.processing import process_task
from tests.providers import break_it, states
from tests.races import at_once

Proof = SimOnLine.Proof


@pytest.fixture
def single(sell: Callable[..., Subscription]) -> Subscription:
    """Return a plan that no other device may share."""
    return sell(more_devices=0)


def stay_of(plan: Subscription) -> SimOnLine:
    return SimOnLine.objects.filter(line=plan.line_id, until=None).order_by("pk")[0]


def offers(plan: Subscription, **of_visit: Any) -> list[move_offers.MoveOffer]:
    account = plan.line.account
    visit = make_visit(**{"account": account, "eid": OTHER_EID, **of_visit})
    return [one for one in move_offers.offers_of(account, visit) if one.plan == plan]


def choose(plan: Subscription, stay: SimOnLine | None = None, **of_visit: Any) -> Draft:
    """Choose to move the plan from this SIM, or from its first one."""
    account = plan.line.account
    visit = make_visit(**{"account": account, "eid": OTHER_EID, **of_visit})
    draft = drafts.open_draft(account, visit)
    leaving = stay or stay_of(plan)
    offer = next(one for one in move_offers.offers_of(account, visit) if one.stay == leaving)
    drafts.choose_move(draft, offer, version=draft.version)
    return draft


def place(draft: Draft) -> Order:
    return placing.place(draft, version=draft.version)


def move(plan: Subscription, **of_visit: Any) -> Order:
    return settled(place(choose(plan, **of_visit)))


def state_of(order: Order) -> str:
    return PlanMove.objects.get(reference=order.number).state


def download(order: Order) -> None:
    """Let the SM-DP+ confirm the download, and a worker see it."""
    Profile.objects.filter(order=order).update(state="downloaded", downloaded_at=now())
    process_task(moves.KIND, PlanMove.objects.get(reference=order.number).pk)


def left_on(iccid: str) -> list[int]:
    return [one.left_bytes for one in balances(iccid, location="US", at=now())]


# -- What is on offer ------------------------------------------------------------------------------


def test_a_plan_moves_from_any_of_its_devices_even_if_it_takes_no_more(
    running: Subscription,
) -> None:
    attach(running)

    found = offers(running, eid="")

    assert [one.stay.sim.iccid for one in found] == [
        one.sim.iccid for one in sharing.devices_of(running)
    ]
    assert {one.why_not for one in found} == {None}
    assert sharing.places_left(running) == 0


def test_a_plan_that_cannot_move_says_why(single: Subscription) -> None:
    changes: dict[WhyNot, dict[str, Any]] = {
        WhyNot.OVERDUE: {"state": "grace", "anchored_at": now()},
        WhyNot.PAUSED: {"parked_because": ParkReason.FAULT},
        WhyNot.OPERATOR: {"master": "operator"},
    }
    for reason, columns in changes.items():
        before = Subscription.objects.filter(pk=single.pk).values(*columns).get()
        Subscription.objects.filter(pk=single.pk).update(**columns)
        assert offers(single)[0].why_not == reason
        Subscription.objects.filter(pk=single.pk).update(**before)
    assert offers(single, iccids=(first_iccid(single),))[0].why_not == WhyNot.HERE
    single.periods.update(currency="")
    assert offers(single)[0].why_not == WhyNot.UNKNOWN
    OperatorLine.objects.create(line=single.line, reference="L-1", balances_at=now())
    assert offers(single)[0].why_not == WhyNot.LOCKED


def test_a_plan_moves_once_at_a_time(single: Subscription) -> None:
    order = place(choose(single))
    assert offers(single)[0].why_not == WhyNot.MOVING

    order = settled(order)

    assert {one.why_not for one in offers(single, eid="")} == {WhyNot.MOVING}
    download(order)
    assert {one.why_not for one in offers(single, eid="")} == {WhyNot.MOVING}


def test_after_a_recovery_nothing_is_moved(alice: User, single: Subscription) -> None:
    draft = choose(single)
    AccessEvent.objects.create(account=alice, kind=AccessEvent.Kind.RECOVERED)

    assert move_offers.offer_of(draft) is None
    with pytest.raises(StaleForm):
        place(draft)


def test_the_same_card_is_ordered_once(
    single: Subscription, sell: Callable[..., Subscription]
) -> None:
    other, card = sell(code="other"), make_card()
    place(choose(single, iccid=card.iccid, eid=""))

    with pytest.raises(StaleForm):
        place(choose(other, iccid=card.iccid, eid=""))


# -- The order -------------------------------------------------------------------------------------


def test_a_new_esim_waits_for_its_download_while_the_old_device_goes_on(
    single: Subscription, network: str
) -> None:
    order = move(single)

    assert (order.state, order.payment, order.price.gross.minor_units) == ("completed", None, 0)
    assert Payment.objects.count() == 1
    assert state_of(order) == MoveState.BEGUN
    assert active_on(single, network) == [first_iccid(single), iccid_of(order)]
    assert left_on(first_iccid(single)) == left_on(iccid_of(order)) == [5 * GB]


def test_the_host_is_told_that_an_existing_line_was_moved(single: Subscription) -> None:
    order = move(single)

    told = outcomes.of_order(order, order.visit)
    paid = (told.user_account, told.purchase_instrument)
    assert paid == (UserAccount.EXISTING, PurchaseInstrument.NONE)
    assert (told.line, told.mo_direct_status) == (LineResult.EXISTING, MoDirectStatus.COMPLETE)
    assert (told.success, told.iccid) == (True, iccid_of(order))
    assert (told.activation_code or "").startswith("1$")


def test_a_card_needs_no_download_so_the_half_hour_begins_at_once(
    alice: User, single: Subscription, smdp: str
) -> None:
    order = move(single, iccid=make_card().iccid, eid="")

    assert state_of(order) == MoveState.LIVE
    assert len(states(smdp)) == 1
    assert outcomes.of_order(order, order.visit).activation_code is None
    assert AccountMessage.objects.filter(account=alice, occasion="plan_moved").count() == 1


def test_the_confirmation_says_what_happens_to_the_old_device(
    single: Subscription, as_alice: Client
) -> None:
    order = move(single)

    message = AccountMessage.objects.get(key=order.number, occasion="order_confirmed")
    page = words(as_alice, f"/account/messages/{message.pk}/")
    assert "you can undo the move in your account" in page


# -- What comes to nothing -------------------------------------------------------------------------


def test_a_cancel_leaves_the_plan_where_it_is(
    single: Subscription, network: str, smdp: str
) -> None:
    break_it(network, "activate", "drop_after")
    order = settled(place(choose(single)))
    placing.request_cancel(order, actor=order.account)

    order = settled(order, times=2)

    assert (order.state, order.undone_at is None) == (OrderState.CANCELLED, False)
    assert state_of(order) == MoveState.DROPPED
    assert active_on(single, network) == [first_iccid(single)]
    assert sorted(states(smdp)) == ["Released", "Unavailable"]


def test_a_cancel_before_anything_was_made_ready_has_nothing_to_undo(single: Subscription) -> None:
    order = place(choose(single))
    placing.request_cancel(order, actor=order.account)

    assert settled(order).undone_at is not None


def test_a_device_that_left_meanwhile_stops_the_move(running: Subscription) -> None:
    attach(running)
    order = place(choose(running, iccid=make_card().iccid, eid=""))
    sharing.remove(running, stay_of(running).pk)

    order = settled(order)

    assert order.failure == Failure.NOT_MOVABLE
    told = texts.failure(order)
    assert told is not None
    assert "stays where it is" in told.text
    assert outcomes.of_order(order, order.visit).mo_direct_status == MoDirectStatus.NONE


def test_a_move_that_fails_leaves_a_device_alone_that_has_joined_meanwhile(
    running: Subscription,
) -> None:
    card = make_card()
    order = place(choose(running, iccid=card.iccid, eid=""))
    sharing.join(running, card, proof=Proof.NONE)

    order = settled(order)

    assert order.failure == Failure.NOT_MOVABLE
    assert lifecycle.has_sim(running, card)


def test_a_move_that_was_placed_twice_is_carried_out_once(single: Subscription) -> None:
    first, second = place(choose(single)), choose_again(single)

    settled(first)

    assert settled(second).failure == Failure.NOT_MOVABLE
    assert PlanMove.objects.get().reference == first.number


def choose_again(plan: Subscription) -> Order:
    """Place another move although one is open, as if the lock of the line had not held."""
    moving = Order.objects.filter(running_plan=plan)
    moving.update(kind=OrderKind.ATTACH)
    order = place(choose(plan, iccid=make_card().iccid, eid=""))
    moving.update(kind=OrderKind.MOVE)
    return order


# -- Afterwards ------------------------------------------------------------------------------------


def test_taken_back_while_it_is_open_the_plan_stays_on_the_old_device(
    single: Subscription, network: str, smdp: str, clara: User
) -> None:
    order = move(single)
    asked = returning.request_return(order, actor=clara, because="changed their mind")

    process_task(returning.KIND, asked.pk)

    single.refresh_from_db()
    assert (single.state, state_of(order)) == ("active", MoveState.DROPPED)
    assert active_on(single, network) == [first_iccid(single)]
    assert sorted(states(smdp)) == ["Released", "Unavailable"]
    told = texts.failure(Order.objects.get(pk=order.pk))
    assert told is not None
    assert told.title == "This device was removed from the plan"
    assert AccountMessage.objects.filter(occasion="move_dropped").count() == 1


def test_a_move_that_is_done_is_not_taken_back(single: Subscription, clara: User) -> None:
    order = move(single)
    done(order)

    with pytest.raises(returning.NothingToReturn):
        returning.request_return(order, actor=clara, because="changed their mind")


def done(order: Order) -> None:
    """Let the half hour pass."""
    download(order)
    PlanMove.objects.update(retires_at=now())
    process_task(moves.KIND, PlanMove.objects.get().pk)
    assert state_of(order) == MoveState.DONE


def test_the_order_of_the_old_device_says_where_the_plan_is(single: Subscription) -> None:
    sold = Order.objects.get(subscription=single)
    done(move(single))

    told = texts.failure(Order.objects.get(pk=sold.pk))

    assert told is not None
    assert told.title == "The plan was moved to another device"


def test_a_cancellation_by_law_of_the_move_alone_is_left_to_staff(single: Subscription) -> None:
    with pytest.raises(cancelling.NotRenewing):
        matching.cancel_plan(move(single))


def test_moves_in_a_row_are_limited_because_each_may_use_up_an_esim(
    alice: User, single: Subscription, settings: Any
) -> None:
    settings.ORDER_LIMIT = 2
    for _ in range(2):
        order = move(single)
        moves.undo(PlanMove.objects.get(reference=order.number), actor=alice)

    with pytest.raises(Locked):
        move(single)


@pytest.mark.django_db(transaction=True)
def test_a_form_that_is_sent_twice_at_once_moves_the_plan_once(single: Subscription) -> None:
    draft = choose(single)

    results = at_once(lambda: place(draft), 2)

    assert len({one.pk for one in results if isinstance(one, Order)}) == 1
    assert Order.objects.filter(kind=OrderKind.MOVE).count() == 1


# -- The pages -------------------------------------------------------------------------------------


@pytest.fixture
def laptop(as_alice: Client) -> Client:
    """Return Alice's browser on another device."""
    as_alice.get(f"/?market=US&location=US&transactionId=T2&eid={OTHER_EID}")
    return as_alice


def test_the_page_of_the_lines_leads_to_the_order_of_the_move(
    laptop: Client, single: Subscription
) -> None:
    page = words(laptop, "/lines/")
    assert "Move a plan to this device" in page
    assert f"eSIM ending in {first_iccid(single)[-4:]}" in page
    assert "This plan is for one device." not in page

    row = f"{single.reference}:{stay_of(single).pk}"
    assert send(laptop, "/lines/", plan=row) == "/review/"
    assert "checked" in words(laptop, "/lines/")
    review = words(laptop, "/review/")
    assert "keeps working until the plan works on this device" in review
    assert "Move the plan" in review
    assert "start now" not in review.lower()
    placed = send(laptop, "/review/")

    settled(Order.objects.get(kind=OrderKind.MOVE))
    assert "You're all set" in words(laptop, placed)


def test_a_plan_that_moves_already_says_so(laptop: Client, single: Subscription) -> None:
    place(choose(single))

    assert "This plan is moving to another device already." in words(laptop, "/lines/")


def test_a_plan_that_cannot_move_any_more_leads_back(laptop: Client, single: Subscription) -> None:
    send(laptop, "/lines/", plan=f"{single.reference}:{stay_of(single).pk}")
    Subscription.objects.update(parked_because=ParkReason.FAULT)

    assert laptop.get("/review/").headers["Location"] == "/lines/"


def test_the_password_is_asked_for_again_before_a_plan_is_moved(
    laptop: Client, single: Subscription, settings: Any
) -> None:
    settings.REENTRY_MINUTES = 0
    row = f"{single.reference}:{stay_of(single).pk}"

    assert send(laptop, "/lines/", plan=row).startswith("/account/confirm/")


def test_a_plan_of_its_own_takes_the_place_of_a_move_in_the_draft(
    alice: User, single: Subscription
) -> None:
    draft = choose(single)
    offer = drafts.offer_of(draft, make_plan(code="own").pk)

    drafts.choose_plan(draft, offer, version=draft.version)

    assert (draft.kind, draft.moves_from) == (OrderKind.NEW_PLAN, None)
