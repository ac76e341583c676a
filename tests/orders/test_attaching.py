"""Another device on a running plan: chosen at /lines/, ordered, delivered, undone, taken back."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils.timezone import now

from accounts.models import AccessEvent, AccountMessage, User
from esim.models import Sim
from mobileplans.words import LineResult, MoDirectStatus, PurchaseInstrument, UserAccount
from orders import texts
from orders.domain import (
    attach_offers,
    attaching,
    disputing,
    drafts,
    matching,
    outcomes,
    placing,
    pricing,
    returning,
)
from orders.domain.attach_offers import WhyNot
from orders.domain.drafts import StaleForm
from orders.domain.moving import IllegalTransition
from orders.models import Draft, Order
from orders.queries.orders import has_left_plan
from orders.states import Failure, OrderKind, OrderState
from outbox.domain import Lease
from payments.models import Receipt
from subscriptions.balances import balances
from subscriptions.domain import cancelling, lifecycle, sharing
from subscriptions.models import OperatorLine, SimOnLine, Subscription
from subscriptions.states import ParkReason
from tests.builders import GB, OTHER_EID, make_card, make_order, make_plan, make_visit
from tests.orders.conftest import DECLINED, new_card, settled
from tests.payments.disputes import disputed
from tests.processing import process_task
from tests.providers import books, break_it, states, statuses
from tests.races import at_once, wait_for_lock

Proof = SimOnLine.Proof


@pytest.fixture
def with_fee(sell: Callable[..., Subscription]) -> Subscription:
    return sell(device_fee=500)


def choose(running: Subscription, **of_visit: Any) -> Draft:
    """Choose the plan for another device."""
    account = running.line.account
    visit = make_visit(**{"account": account, "eid": OTHER_EID, **of_visit})
    draft = drafts.open_draft(account, visit)
    offers = attach_offers.offers_of(account, visit)
    offer = next(one for one in offers if one.plan == running)
    drafts.choose_running_plan(draft, offer, version=draft.version)
    return draft


def place(draft: Draft) -> Order:
    return placing.place(draft, version=draft.version)


def attach(running: Subscription, **of_visit: Any) -> Order:
    return settled(place(choose(running, **of_visit)))


def why_not(running: Subscription, **of_visit: Any) -> str | None:
    account = running.line.account
    visit = make_visit(**{"account": account, "eid": OTHER_EID, **of_visit})
    offers = attach_offers.offers_of(account, visit)
    return next(one.why_not for one in offers if one.plan == running)


def iccid_of(order: Order) -> str:
    assert order.sim_in_use
    return order.sim_in_use.iccid


def active_on(running: Subscription, network: str) -> list[str]:
    services = {one["reference"]: one["iccids"] for one in books(network)["services"]}
    found: list[str] = services[running.reference]
    return found


def first_iccid(running: Subscription) -> str:
    return iccid_of(Order.objects.get(subscription=running))


# -- What is on offer ------------------------------------------------------------------------------


def test_a_plan_that_allows_another_device_can_be_chosen(running: Subscription) -> None:
    assert why_not(running) is None


def test_a_plan_says_why_it_cannot_be_chosen(
    running: Subscription, sell: Callable[..., Subscription]
) -> None:
    changes: dict[WhyNot, dict[str, Any]] = {
        WhyNot.OVERDUE: {"state": "grace", "anchored_at": now()},
        WhyNot.PAUSED: {"parked_because": ParkReason.FAULT},
        WhyNot.OPERATOR: {"master": "operator"},
    }
    for reason, columns in changes.items():
        before = Subscription.objects.filter(pk=running.pk).values(*columns).get()
        Subscription.objects.filter(pk=running.pk).update(**columns)
        assert why_not(running) == reason
        Subscription.objects.filter(pk=running.pk).update(**before)
    OperatorLine.objects.create(line=running.line, reference="L-1", balances_at=now())
    assert why_not(running) == WhyNot.LOCKED


def test_a_plan_for_one_device_says_so(sell: Callable[..., Subscription]) -> None:
    assert why_not(sell(more_devices=0)) == WhyNot.SINGLE


def test_a_plan_that_is_not_in_the_catalogue_is_not_shared(running: Subscription) -> None:
    running.plan.prices.all().delete()  # type: ignore[union-attr]  # it has one

    assert why_not(running) == WhyNot.SINGLE


def test_a_plan_that_was_not_sold_by_the_portal_is_not_shared(running: Subscription) -> None:
    running.periods.update(currency="")

    assert why_not(running) == WhyNot.SINGLE


def test_a_customer_who_leaves_at_the_plans_has_chosen_no_line(alice: User) -> None:
    visit = make_visit(account=alice, step="lines")

    assert outcomes.of_leaving(visit).line == LineResult.BAILED


def test_a_plan_with_all_its_devices_says_so(running: Subscription) -> None:
    order = place(choose(running))
    # One that is only ordered takes its place already.
    assert why_not(running, eid="") == WhyNot.FULL
    settled(order)
    assert why_not(running, eid="") == WhyNot.FULL


def test_a_device_that_shares_the_plan_already_is_not_added_again(running: Subscription) -> None:
    assert why_not(running, iccids=(first_iccid(running),)) == WhyNot.HERE


def test_a_card_with_a_plan_of_its_own_shares_no_other(alice: User, running: Subscription) -> None:
    card = make_card()
    visit = make_visit(account=alice, iccid=card.iccid, eid="")
    own = make_order(alice, visit=visit, plan=make_plan(code="own"), method=new_card(alice))
    settled(own)

    assert why_not(running, iccid=card.iccid, eid="") == WhyNot.OWN_PLAN


def test_an_installed_profile_with_a_plan_of_its_own_is_not_offered_as_a_target(
    alice: User, running: Subscription, sell: Callable[..., Subscription]
) -> None:
    own = sell(code="own")

    draft = choose(running, iccids=(first_iccid(own),))

    assert place(draft).sim is None


def test_after_a_recovery_nothing_is_attached(alice: User, running: Subscription) -> None:
    draft = choose(running)
    AccessEvent.objects.create(account=alice, kind=AccessEvent.Kind.RECOVERED)

    assert attach_offers.waits_until(alice) is not None
    with pytest.raises(StaleForm):
        place(draft)


# -- The order -------------------------------------------------------------------------------------


def test_a_new_esim_joins_the_plan_for_nothing(
    running: Subscription, network: str, gateway: str
) -> None:
    order = attach(running)

    assert (order.state, order.payment, order.subscription) == (OrderState.COMPLETED, None, None)
    assert active_on(running, network) == [first_iccid(running), iccid_of(order)]
    assert len(books(gateway)["payments"]) == 1
    for iccid in (first_iccid(running), iccid_of(order)):
        [shown] = balances(iccid, location="US", at=now())
        assert shown.left_bytes == 5 * GB


def test_the_host_is_told_that_a_device_joined_a_plan(running: Subscription) -> None:
    order = attach(running)

    told = outcomes.of_order(order, order.visit)
    assert (told.user_account, told.purchase_instrument) == (
        UserAccount.EXISTING,
        PurchaseInstrument.NONE,
    )
    assert (told.line, told.mo_direct_status) == (LineResult.EXISTING, MoDirectStatus.COMPLETE)
    assert (told.success, told.iccid) == (True, iccid_of(order))
    assert (told.activation_code or "").startswith("1$")


def test_the_sim_that_is_there_joins_without_a_download(
    running: Subscription, network: str, smdp: str
) -> None:
    card = make_card()
    order = attach(running, iccid=card.iccid, eid="")

    assert order.state == OrderState.COMPLETED
    assert active_on(running, network) == [first_iccid(running), card.iccid]
    assert len(states(smdp)) == 1
    assert outcomes.of_order(order, order.visit).activation_code is None


def test_a_fee_is_paid_and_has_its_receipt(
    alice: User, with_fee: Subscription, gateway: str
) -> None:
    draft = choose(with_fee)
    assert (draft.gross_minor_units, draft.renews, draft.needs_method) == (500, False, True)
    drafts.choose_method(draft, new_card(alice), version=draft.version)

    order = settled(place(draft))

    assert order.state == OrderState.COMPLETED
    assert statuses(gateway) == ["captured", "captured"]
    receipt = Receipt.objects.get(payment=order.payment)
    assert (receipt.item, receipt.minor_units) == ("Shared: another device", 500)
    told = outcomes.of_order(order, order.visit)
    assert told.purchase_instrument == PurchaseInstrument.NEW


def test_a_fee_that_is_refused_adds_no_device(
    alice: User, with_fee: Subscription, network: str
) -> None:
    draft = choose(with_fee)
    drafts.choose_method(draft, new_card(alice, DECLINED), version=draft.version)

    order = settled(place(draft))

    assert order.failure == Failure.PAYMENT_REFUSED
    assert active_on(with_fee, network) == [first_iccid(with_fee)]
    assert sharing.places_left(with_fee) == 1


def test_a_fee_that_changed_is_shown_before_it_is_charged(with_fee: Subscription) -> None:
    draft = choose(with_fee)
    with_fee.plan.prices.update(device_minor_units=700)  # type: ignore[union-attr]  # it has one

    change = pricing.update_price(draft)

    assert change is not None
    assert (change.old.minor_units, change.new.minor_units) == (500, 700)
    assert pricing.update_price(draft) is None


def test_the_same_card_is_ordered_once(running: Subscription) -> None:
    running.plan.more_devices = 3  # type: ignore[union-attr]  # it has one
    running.plan.save()  # type: ignore[union-attr]  # the same
    card = make_card()
    place(choose(running, iccid=card.iccid, eid=""))

    with pytest.raises(StaleForm):
        place(choose(running, iccid=card.iccid, eid=""))


# -- What comes to nothing -------------------------------------------------------------------------


def test_a_cancel_leaves_the_plan_alone(running: Subscription, network: str, smdp: str) -> None:
    break_it(network, "activate", "drop_after")
    order = settled(place(choose(running)))
    placing.request_cancel(order, actor=order.account)

    order = settled(order)

    assert (order.state, order.undone_at is None) == (OrderState.CANCELLED, False)
    assert active_on(running, network) == [first_iccid(running)]
    assert sorted(states(smdp)) == ["Released", "Unavailable"]
    running.refresh_from_db()
    assert (running.state, sharing.places_left(running)) == ("active", 1)


def test_a_cancel_before_there_is_an_esim_has_nothing_to_take_off(running: Subscription) -> None:
    order = place(choose(running))
    placing.request_cancel(order, actor=order.account)

    assert settled(order).undone_at is not None


def test_a_card_goes_back_to_its_own_line_after_a_cancel(
    alice: User, running: Subscription, network: str
) -> None:
    card = make_card()
    own = lifecycle.put_on_new_line(alice, card, proof=Proof.PROVEN).line
    break_it(network, "activate", "http_500")
    order = settled(place(choose(running, iccid=card.iccid, eid="")))
    placing.request_cancel(order, actor=alice)

    settled(order)

    stay = SimOnLine.objects.get(sim=card, until=None)
    assert (stay.line, stay.proof) == (own, Proof.PROVEN)


@pytest.mark.parametrize(
    ("change", "failure"),
    [
        ("ended", Failure.NOT_SHARED),
        ("removed", Failure.SIM_OF_ANOTHER),
        ("full", Failure.NO_PLACE_LEFT),
    ],
)
def test_a_plan_that_changes_meanwhile_costs_nothing_and_says_why(
    with_fee: Subscription, network: str, gateway: str, change: str, failure: str
) -> None:
    card, alice = make_card(), with_fee.line.account
    draft = choose(with_fee, iccid=card.iccid, eid="")
    drafts.choose_method(draft, new_card(alice), version=draft.version)
    order = place(draft)
    if change == "full":
        sharing.join(with_fee, make_card(), proof=Proof.ISSUED)
    else:
        break_it(network, "activate", "http_500")
        order = settled(order)
        assert order.state == OrderState.IN_PROGRESS
    if change == "ended":
        lifecycle.end(with_fee)
    if change == "removed":
        SimOnLine.objects.filter(sim=card).update(until=now())
        Sim.objects.filter(pk=card.pk).update(state="in_use")
        lifecycle.put_on_new_line(User.objects.create(username="x"), card, proof=Proof.PROVEN)

    order = settled(order)

    assert (order.state, order.failure) == (OrderState.FAILED, failure)
    assert statuses(gateway)[1:] == ["voided"]
    assert order.undone_at is not None
    told = texts.failure(order)
    assert told is not None
    assert "You haven't been charged" in told.text


def test_a_card_that_got_a_plan_meanwhile_does_not_join(alice: User, running: Subscription) -> None:
    card = make_card()
    order = place(choose(running, iccid=card.iccid, eid=""))
    own = lifecycle.prepare(
        alice, sim=card, plan=make_plan(code="own"), plan_name="x", reference="R9"
    )
    lifecycle.start(own, at=now())

    order = settled(order)

    assert order.failure == Failure.SIM_HAS_PLAN
    assert outcomes.of_order(order, order.visit).mo_direct_status == MoDirectStatus.INVALID_SIM


def test_an_order_that_finds_no_place_is_no_fault_of_a_service(running: Subscription) -> None:
    order = place(choose(running))
    sharing.join(running, make_card(), proof=Proof.ISSUED)

    order = settled(order)

    assert order.failure == Failure.NO_PLACE_LEFT
    assert outcomes.of_order(order, order.visit).mo_direct_status == MoDirectStatus.NONE


def test_a_charge_that_is_repeated_adds_the_device_once(
    alice: User, with_fee: Subscription, network: str, gateway: str
) -> None:
    draft = choose(with_fee)
    drafts.choose_method(draft, new_card(alice), version=draft.version)
    break_it(gateway, "capture", "http_500")

    order = settled(place(draft), times=2)

    assert order.state == OrderState.COMPLETED
    assert active_on(with_fee, network) == [first_iccid(with_fee), iccid_of(order)]


def test_a_worker_that_comes_late_puts_no_device_on_the_line(running: Subscription) -> None:
    order = place(choose(running, iccid=make_card().iccid, eid=""))
    seen_before = Order.objects.select_related("sim").get(pk=order.pk)
    Order.objects.filter(pk=order.pk).update(state=OrderState.CANCELLED)

    with pytest.raises(IllegalTransition):
        attaching.prepare(seen_before, Lease(0, "another's"))

    assert sharing.places_left(running) == 1


# -- Afterwards ------------------------------------------------------------------------------------


def test_taken_back_only_the_device_leaves_the_plan(
    running: Subscription, network: str, smdp: str, clara: User
) -> None:
    order = attach(running)
    asked = returning.request_return(order, actor=clara, because="changed their mind")

    process_task(returning.KIND, asked.pk)

    running.refresh_from_db()
    assert running.state == "active"
    assert active_on(running, network) == [first_iccid(running)]
    assert sorted(states(smdp)) == ["Released", "Unavailable"]


def test_a_dispute_about_the_fee_takes_the_device_off_the_plan(
    alice: User, with_fee: Subscription, network: str, gateway: str, settings: Any
) -> None:
    settings.DISPUTE_REACTION = "end"
    draft = choose(with_fee)
    drafts.choose_method(draft, new_card(alice), version=draft.version)
    order = settled(place(draft))
    assert order.payment is not None
    disputed(gateway, order.payment)

    process_task(disputing.KIND, order.pk)

    with_fee.refresh_from_db()
    assert with_fee.state == "active"
    assert active_on(with_fee, network) == [first_iccid(with_fee)]


def test_a_refund_of_a_fee_says_that_the_plan_goes_on(
    alice: User, with_fee: Subscription, clara: User, as_alice: Client
) -> None:
    draft = choose(with_fee)
    drafts.choose_method(draft, new_card(alice), version=draft.version)
    order = settled(place(draft))
    asked = returning.request_return(order, actor=clara, because="changed their mind")

    process_task(returning.KIND, asked.pk)

    message = AccountMessage.objects.filter(account=alice, occasion="order_refunded").get()
    page = words(as_alice, f"/account/messages/{message.pk}/")
    assert "The device of this order can't use the plan any more. The plan goes on." in page


def test_a_cancellation_by_law_of_the_device_alone_is_left_to_staff(
    running: Subscription,
) -> None:
    order = attach(running)

    with pytest.raises(cancelling.NotRenewing):
        matching.cancel_plan(order)


def test_a_refund_of_the_plan_ends_it_on_all_its_devices(
    running: Subscription, network: str, clara: User
) -> None:
    attach(running)
    sold = Order.objects.get(subscription=running)
    asked = returning.request_return(sold, actor=clara, because="changed their mind")

    process_task(returning.KIND, asked.pk)

    assert active_on(running, network) == []


def test_the_order_of_a_removed_device_hands_nothing_over(running: Subscription) -> None:
    order = attach(running)
    stay = SimOnLine.objects.get(sim=order.sim_in_use)
    sharing.remove(running, stay.pk)

    told = texts.failure(Order.objects.get(pk=order.pk))

    assert told is not None
    assert told.title == "This device was removed from the plan"


def test_a_plan_bought_for_a_shared_line_serves_all_its_devices(
    alice: User, running: Subscription, network: str
) -> None:
    card = make_card()
    attach(running, iccid=card.iccid, eid="")
    visit = make_visit(account=alice, iccid=card.iccid, eid="")
    more = make_order(alice, visit=visit, plan=make_plan(code="more"), method=new_card(alice))

    more = settled(more)

    assert more.subscription is not None
    assert set(active_on(more.subscription, network)) == {card.iccid, first_iccid(running)}


# -- Races -----------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_form_that_is_sent_twice_at_once_adds_one_device(running: Subscription) -> None:
    draft = choose(running)

    results = at_once(lambda: place(draft), 2)

    assert len({one.pk for one in results if isinstance(one, Order)}) == 1
    assert Order.objects.filter(kind=OrderKind.ATTACH).count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_plan_that_is_about_to_end_waits_until_the_order_is_decided(
    running: Subscription,
) -> None:
    order = place(choose(running, iccid=make_card().iccid, eid=""))
    order.refresh_from_db()
    sharing.join(running, order.sim, proof=Proof.NONE)  # type: ignore[arg-type]  # it has one
    seen: list[str] = []

    def decide() -> None:
        with transaction.atomic():
            attaching.claim(order)
            claimed.set()
            wait_for_lock()
            seen.append(Subscription.objects.get(pk=running.pk).state)

    def end() -> None:
        claimed.wait(20)
        lifecycle.end(running)

    claimed, actions = threading.Event(), [decide, end]

    def act() -> None:
        actions.pop()()

    assert at_once(act, 2) == [None, None]

    running.refresh_from_db()
    assert (seen, running.state) == (["active"], "ended")
    with transaction.atomic(), pytest.raises(sharing.NotShared):
        attaching.claim(order)


# -- The pages -------------------------------------------------------------------------------------


@pytest.fixture
def laptop(as_alice: Client) -> Client:
    """Return Alice's browser on another device."""
    as_alice.get(f"/?market=US&location=US&transactionId=T2&eid={OTHER_EID}")
    return as_alice


def send(browser: Client, address: str, **fields: object) -> str:
    browser.get(address)
    draft = Draft.objects.get(submitted_at=None)
    answer = browser.post(address, {"draft": draft.pk, "version": draft.version, **fields})
    assert answer.status_code == 303
    return answer.headers["Location"]


def words(browser: Client, address: str) -> str:
    return " ".join(browser.get(address).text.replace("&#x27;", "'").split())


def test_the_third_tile_leads_from_the_plan_to_the_order(
    laptop: Client, running: Subscription
) -> None:
    assert 'href="/lines/"' in words(laptop, "/options/")
    page = words(laptop, "/lines/")
    assert "1 more device can share it. It costs nothing extra." in page

    assert send(laptop, "/lines/", plan=running.reference) == "/review/"
    review = words(laptop, "/review/")
    assert "This device shares the plan's data." in review
    assert 'href="/lines/"' in review
    assert "$0.00" in review
    assert "tax (" not in review
    placed = send(laptop, "/review/")

    order = settled(Order.objects.get(kind=OrderKind.ATTACH))
    assert placed == f"/orders/{order.number}/"
    assert "You're all set" in words(laptop, placed)


def test_a_plan_that_cannot_be_chosen_is_shown_with_its_reason(
    laptop: Client, running: Subscription
) -> None:
    Subscription.objects.update(parked_because=ParkReason.FAULT)

    page = words(laptop, "/lines/")
    assert "We're looking into this plan." in page
    assert 'type="radio"' not in page
    assert send(laptop, "/lines/", plan=running.reference) == "/lines/"


def test_a_customer_without_a_plan_has_no_third_tile(laptop: Client, db: None) -> None:
    assert 'href="/lines/"' not in words(laptop, "/options/")
    assert "You have no plan to share yet" in words(laptop, "/lines/")


def test_a_fee_is_said_and_leads_to_the_payment(laptop: Client, with_fee: Subscription) -> None:
    assert "1 more device can share it. Each costs $5.00 once." in words(laptop, "/lines/")

    assert send(laptop, "/lines/", plan=with_fee.reference) == "/payment/"


def test_a_plan_that_is_full_by_now_leads_back_to_the_plans(
    laptop: Client, running: Subscription
) -> None:
    send(laptop, "/lines/", plan=running.reference)
    sharing.join(running, make_card(), proof=Proof.ISSUED)

    assert laptop.get("/review/").headers["Location"] == "/lines/"

    page = words(laptop, "/lines/")
    assert "can't take this device any more" in page
    assert "2 devices share it, and no more can." in page


def test_the_page_keeps_the_choice_and_refuses_what_is_not_there(
    laptop: Client, running: Subscription
) -> None:
    send(laptop, "/lines/", plan=running.reference)
    assert "checked" in words(laptop, "/lines/")

    assert send(laptop, "/lines/", plan="") == "/lines/"
    assert "Choose a plan." in words(laptop, "/lines/")
    assert send(laptop, "/lines/", plan="other") == "/lines/"
    draft = Draft.objects.get(submitted_at=None)
    stale = {"draft": draft.pk, "version": draft.version - 1, "plan": running.reference}
    assert laptop.post("/lines/", stale).headers["Location"] == "/review/"
    assert laptop.post("/lines/", {"plan": "x"}).headers["Location"] == "/review/"


def test_the_password_is_asked_for_again_before_a_plan_is_shared(
    laptop: Client, running: Subscription, settings: Any
) -> None:
    settings.REENTRY_MINUTES = 0

    assert send(laptop, "/lines/", plan=running.reference).startswith("/account/confirm/")


def test_after_a_recovery_the_page_says_from_when_on_a_device_can_be_added(
    laptop: Client, alice: User, running: Subscription
) -> None:
    AccessEvent.objects.create(account=alice, kind=AccessEvent.Kind.RECOVERED)

    assert "you can add a device from" in words(laptop, "/lines/")
    assert send(laptop, "/lines/", plan=running.reference) == "/lines/"


def test_a_device_that_has_left_the_line_meanwhile_is_not_charged(running: Subscription) -> None:
    order = attach(running)
    assert order.sim_in_use
    lifecycle.remove_from_line(order.sim_in_use)

    with transaction.atomic(), pytest.raises(lifecycle.SimOfAnother):
        attaching.claim(order)


def test_an_order_without_a_plan_yet_has_left_none(alice: User) -> None:
    assert not has_left_plan(make_order(alice))
