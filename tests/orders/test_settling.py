"""`orders.settling`: one charge and one profile, or none of either (contract, section 6)."""

from datetime import timedelta

import httpx
import pytest
from django.db import connection
from django.test import Client
from django.utils.timezone import now
from psycopg import sql
from pytest_django.fixtures import Settings

from accounts.models import User
from esim.models import Profile, Sim, Source
from esim.provisioning import ProfileRefused
from esim.states import ProfileState, SimState
from moportal.money import Money
from orders import placing, settling
from orders.models import Order
from orders.states import NEXT_STATES, TRIES_BEFORE_STAFF, Failure, OrderState
from orders.texts import failure
from outbox.domain import Lease, LeaseLost, LookAgain
from outbox.models import Task
from outbox.pauses import PAUSES
from payments.states import PaymentState
from subscriptions import activation
from subscriptions.models import Subscription, SubscriptionState
from tests.builders import (
    make_card,
    make_order,
    make_plan,
    make_pool,
    make_provider,
    make_visit,
)
from tests.looks import looked_at
from tests.orders.conftest import CUSTOMER_STEP, DECLINED, new_card, settled
from tests.peer import Peer, Says, answering, executed
from tests.providers import books, break_it, profiles, statuses


def test_it_charges_once_and_hands_out_one_profile(placed: Order, gateway: str, smdp: str) -> None:
    order = settled(placed)

    assert order.state == OrderState.COMPLETED
    assert statuses(gateway) == ["captured"]
    assert order.profile is not None
    assert profiles(smdp) == [(order.profile.sim.iccid, "Released")]
    assert order.subscription is not None
    assert order.subscription.state == SubscriptionState.ACTIVE


def test_the_market_of_the_launch_says_which_provider_it_comes_from(placed: Order) -> None:
    abroad, at_home = make_provider(code="abroad"), make_provider(code="home")
    make_pool(1, provider=abroad)
    make_pool(1, provider=at_home)
    for provider, market in ((abroad, "DE"), (at_home, placed.visit.market)):
        Source.objects.create(profile_type="consumer", market=market, provider=provider)

    order = settled(placed)

    assert order.profile is not None
    assert order.profile.provider == at_home


def test_a_second_look_at_a_completed_order_does_nothing(
    placed: Order, gateway: str, smdp: str
) -> None:
    settled(placed, looks=2)

    assert statuses(gateway) == ["captured"]
    assert len(profiles(smdp)) == 1


def test_the_amount_charged_is_the_one_that_was_shown(placed: Order, gateway: str) -> None:
    settled(placed)

    payment = books(gateway)["payments"][0]
    assert (payment["amount"], payment["currency"]) == (1900, "USD")
    assert payment["reference"] == placed.number


@pytest.mark.parametrize(
    "price",
    [Money(1900, "USD"), Money(500, "JPY"), Money(1234, "KWD")],
    ids=lambda price: price.currency,
)
def test_a_currency_has_as_many_decimals_as_it_has(
    alice: User, as_alice: Client, gateway: str, smdp: str, price: Money
) -> None:
    make_pool()
    plan = make_plan(minor_units=price.minor_units, currency=price.currency)

    order = settled(make_order(alice, plan=plan, method=new_card(alice)))

    payment = books(gateway)["payments"][0]
    assert (payment["amount"], payment["currency"]) == (price.minor_units, price.currency)
    assert str(price) in as_alice.get(f"/orders/{order.number}/").text


def test_a_refused_card_orders_no_profile(alice: User, gateway: str, smdp: str) -> None:
    make_pool()
    order = settled(make_order(alice, method=new_card(alice, DECLINED)))

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.PAYMENT_REFUSED)
    assert order.changes.latest("pk").reason == "PaymentDeclined: card_declined"
    assert statuses(gateway) == ["declined"]
    assert profiles(smdp) == []


def test_an_empty_pool_voids_what_was_authorised(alice: User, gateway: str, smdp: str) -> None:
    order = make_order(alice, method=new_card(alice))
    Order.objects.filter(pk=order.pk).update(tries=3)

    order = settled(order)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.NO_PROFILE_LEFT)
    assert order.tries == 0
    assert statuses(gateway) == ["voided"]


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "http_500", "html", "malformed"])
@pytest.mark.parametrize("function", ["downloadOrder", "confirmOrder"])
def test_a_lost_or_broken_answer_is_decided_by_asking_again(
    placed: Order, gateway: str, smdp: str, function: str, fault: str
) -> None:
    break_it(smdp, function, fault)

    order = settled(placed, looks=2)

    assert order.state == OrderState.COMPLETED
    assert order.profile is not None
    assert profiles(smdp) == [(order.profile.sim.iccid, "Released")]
    assert statuses(gateway) == ["captured"]


@pytest.mark.parametrize("function", ["downloadOrder", "confirmOrder"])
def test_an_answer_about_something_else_is_never_sold(
    placed: Order, gateway: str, smdp: str, function: str
) -> None:
    break_it(smdp, function, "wrong_iccid")

    order = settled(placed, looks=2)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.PROFILE_REFUSED)
    assert statuses(gateway) == ["voided"]
    assert [state for _, state in profiles(smdp)] == ["Unavailable"]


@pytest.mark.parametrize("function", ["authorise", "capture"])
@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "http_500", "html"])
def test_a_lost_answer_of_the_gateway_charges_once(
    placed: Order, gateway: str, smdp: str, function: str, fault: str
) -> None:
    break_it(gateway, function, fault)

    order = settled(placed, looks=2)

    assert (order.state, order.trouble) == (OrderState.COMPLETED, "")
    assert statuses(gateway) == ["captured"]


def test_a_service_that_stays_away_fails_the_order_and_lets_the_money_go(
    placed: Order, gateway: str, smdp: str
) -> None:
    break_it(smdp, "downloadOrder", "http_500", times=50)

    tries = len(PAUSES) + 1
    order = settled(placed, looks=tries)
    assert (order.state, order.failure) == (OrderState.FAILED, Failure.SERVICE_DOWN)

    order = settled(order)
    assert order.payment.state == PaymentState.VOIDED
    assert order.profile is not None
    assert order.profile.state == ProfileState.CANCELLED
    assert order.profile.sim.state == SimState.RETIRED
    assert statuses(gateway) == ["voided"]


def look(order: Order) -> LookAgain | None:
    """Let a worker look at the order once, and return when it is to look again."""
    return looked_at("order", order.pk)


def seconds(answer: LookAgain | None) -> float:
    assert answer is not None
    return answer.after.total_seconds()


def test_while_the_customer_looks_on_it_is_tried_again_after_each_pause(
    placed: Order, gateway: str, smdp: str
) -> None:
    break_it(smdp, "downloadOrder", "http_500", times=50)

    for tries, pause in enumerate((0.5, 2, 4, 8, 12), start=1):
        assert pause * 0.8 <= seconds(look(placed)) <= pause * 1.2
        placed.refresh_from_db()
        assert (placed.state, placed.tries) == (OrderState.IN_PROGRESS, tries)
        assert placed.trouble.startswith("Trouble: ")
    assert seconds(look(placed)) == 0

    placed.refresh_from_db()
    assert (placed.state, placed.tries) == (OrderState.FAILED, 0)
    assert placed.changes.latest("pk").reason == placed.trouble


def test_what_is_decided_is_tried_ever_less_often(placed: Order, gateway: str, smdp: str) -> None:
    break_it(gateway, "capture", "http_500", times=50)

    for usual in PAUSES:
        assert seconds(look(placed)) == pytest.approx(usual, rel=0.2)
    for tries in range(len(PAUSES), TRIES_BEFORE_STAFF):
        longest = min(2.0**tries, 600)
        assert longest / 2 <= seconds(look(placed)) <= longest
    placed.refresh_from_db()
    assert (placed.state, placed.tries) == (OrderState.IN_PROGRESS, TRIES_BEFORE_STAFF)

    assert look(placed) is None
    placed.refresh_from_db()
    assert placed.state == OrderState.HELD


def test_the_last_try_that_decides_to_charge_does_not_fail_the_order(
    placed: Order, gateway: str, smdp: str
) -> None:
    Order.objects.filter(pk=placed.pk).update(tries=len(PAUSES))
    break_it(gateway, "capture", "drop_after")

    order = settled(placed)

    assert (order.state, order.charge_decided_at is not None) == (OrderState.IN_PROGRESS, True)
    assert settled(placed).state == OrderState.COMPLETED


def test_a_long_trouble_is_cut_to_what_its_column_holds(
    placed: Order, gateway: str, smdp: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object) -> Sim:
        raise ValueError("x" * 500)

    monkeypatch.setattr(settling, "_sim_made_ready", broken)
    look(placed)

    placed.refresh_from_db()
    assert placed.trouble == f"ValueError: {'x' * 188}"


def test_a_long_reason_is_cut_to_what_its_column_holds(
    placed: Order, gateway: str, smdp: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_args: object) -> Sim:
        raise ProfileRefused("x" * 500)

    monkeypatch.setattr(settling, "_sim_made_ready", refused)
    look(placed)

    assert placed.changes.latest("pk").reason == f"ProfileRefused: {'x' * 184}"


def test_a_cancel_that_won_is_looked_at_at_once(
    placed: Order, alice: User, gateway: str, smdp: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cancelled_just_before(*_asked: object, **_how: object) -> None:
        placing.request_cancel(Order.objects.get(pk=placed.pk), actor=alice)

    monkeypatch.setattr(activation, "activate", cancelled_just_before)

    assert seconds(look(placed)) == 0
    assert look(placed) is None
    assert placed.changes.latest("pk").reason == "cancelled by the customer"
    assert look(placed) is None


def test_letting_go_begins_to_count_its_tries_anew(
    placed: Order, alice: User, gateway: str, smdp: str
) -> None:
    break_it(smdp, "confirmOrder", "http_500", times=3)
    settled(placed, looks=3)
    placing.request_cancel(placed, actor=alice)
    break_it(gateway, "void", "http_500", times=2)

    for tries in (0, 1):
        assert seconds(look(placed)) == pytest.approx(PAUSES[tries], rel=0.2)
        placed.refresh_from_db()
        assert (placed.state, placed.tries, placed.let_go_at) == (
            OrderState.CANCELLED,
            tries + 1,
            None,
        )


def test_a_profile_is_cancelled_also_while_the_gateway_is_away(
    placed: Order, gateway: str, smdp: str
) -> None:
    break_it(gateway, "capture", "http_500", times=1)
    order = settled(placed)
    assert order.charge_decided_at is not None
    Order.objects.filter(pk=order.pk).update(
        charge_decided_at=None, state=OrderState.FAILED, failure=Failure.SERVICE_DOWN
    )
    break_it(gateway, "void", "http_500", times=1)

    order = settled(order)

    assert [state for _, state in profiles(smdp)] == ["Unavailable"]
    assert statuses(gateway) == ["authorised"]
    assert settled(order).payment.state == PaymentState.VOIDED


def test_a_cancel_in_time_lets_everything_go(
    placed: Order, alice: User, gateway: str, smdp: str
) -> None:
    break_it(smdp, "confirmOrder", "http_500")
    settled(placed)

    placing.request_cancel(placed, actor=alice)
    order = settled(placed, looks=2)

    assert order.state == OrderState.CANCELLED
    assert statuses(gateway) == ["voided"]
    assert [state for _, state in profiles(smdp)] == ["Unavailable"]


def test_a_cancel_after_the_charge_is_decided_comes_too_late(placed: Order, alice: User) -> None:
    settled(placed)

    with pytest.raises(placing.TooLateToCancel):
        placing.request_cancel(placed, actor=alice)

    assert Order.objects.get(pk=placed.pk).state == OrderState.COMPLETED


def test_a_cancel_that_comes_between_profile_and_charge_wins(
    placed: Order, alice: User, gateway: str, smdp: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide = settling._decide_to_charge  # noqa: SLF001 -- the very moment is meant

    def cancelled_just_before(order: Order) -> None:
        placing.request_cancel(Order.objects.get(pk=order.pk), actor=alice)
        decide(order)

    monkeypatch.setattr(settling, "_decide_to_charge", cancelled_just_before)
    order = settled(placed, looks=2)

    assert order.state == OrderState.CANCELLED
    assert statuses(gateway) == ["voided"]


def test_a_capture_refused_for_good_ends_the_order(placed: Order, gateway: str, smdp: str) -> None:
    break_it(gateway, "capture", "http_500")
    order = settled(placed)
    gateway_id = order.payment.gateway_id
    httpx.post(
        f"{gateway}/payments/{gateway_id}/void",
        headers={"Idempotency-Key": "elsewhere"},
        json={},
        trust_env=False,
    )

    order = settled(order)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.PAYMENT_REFUSED)
    assert [state for _, state in profiles(smdp)] == ["Unavailable"]


def test_a_fault_of_our_own_counts_as_a_try(
    placed: Order, gateway: str, smdp: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object) -> Sim:
        raise ZeroDivisionError

    monkeypatch.setattr(settling, "_sim_made_ready", broken)
    order = settled(placed, looks=len(PAUSES) + 1)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.SERVICE_DOWN)
    assert settled(order).payment.state == PaymentState.VOIDED


def test_a_card_in_the_device_gets_the_plan_without_a_profile(
    alice: User, gateway: str, smdp: str
) -> None:
    card = make_card()
    visit = make_visit(account=alice, eid="", iccid=card.iccid)
    order = settled(make_order(alice, visit=visit, method=new_card(alice)))

    assert order.state == OrderState.COMPLETED
    assert order.sim_in_use == card
    assert books(smdp)["calls"] == []


def test_a_card_of_another_customer_is_not_charged_for(
    alice: User, bob: User, gateway: str, smdp: str
) -> None:
    card = make_card()
    of_bob = make_visit(account=bob, eid="", iccid=card.iccid)
    first = make_order(bob, visit=of_bob, method=new_card(bob))
    settled(first)
    of_alice = make_visit(account=alice, eid="", iccid=card.iccid)
    order = make_order(alice, visit=of_alice, plan=first.plan, method=new_card(alice))

    order = settled(order)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.SIM_OF_ANOTHER)
    assert sorted(statuses(gateway)) == ["captured", "voided"]


def test_who_lost_the_lease_stops_without_a_trace(placed: Order, gateway: str) -> None:
    with pytest.raises(LeaseLost):
        settling.settle(str(placed.pk), Lease(0, "another's"))

    assert statuses(gateway) == []
    assert Order.objects.get(pk=placed.pk).tries == 0


def test_of_two_workers_one_gives_the_order_its_profile(placed: Order, smdp: str) -> None:
    seen_before = Order.objects.get(pk=placed.pk)
    order = settled(placed)

    with pytest.raises(settling.IllegalTransition):
        settling._sim_made_ready(seen_before, Free())  # noqa: SLF001 -- the very step

    assert profiles(smdp) == [(order.sim_in_use.iccid, "Released")]  # type: ignore[union-attr]  # it has one
    assert Sim.objects.filter(state=SimState.RESERVED).count() == 0


def test_an_order_under_way_gets_no_second_profile(placed: Order, smdp: str, gateway: str) -> None:
    break_it(smdp, "downloadOrder", "http_500")
    order = settled(placed)
    assert order.state == OrderState.IN_PROGRESS
    seen_before = Order.objects.get(pk=placed.pk)
    seen_before.profile = None

    with pytest.raises(settling.IllegalTransition, match="a profile already"):
        settling._sim_made_ready(seen_before, Free())  # noqa: SLF001 -- the very step

    assert Order.objects.get(pk=placed.pk).profile == order.profile
    assert Profile.objects.count() == 1


@pytest.mark.parametrize("state", [OrderState.CANCELLED, OrderState.PENDING])
def test_only_an_order_in_progress_goes_on(placed: Order, smdp: str, state: OrderState) -> None:
    card = make_card()
    Order.objects.filter(pk=placed.pk).update(state=state)

    with pytest.raises(settling.IllegalTransition):
        settling._sim_made_ready(placed, Free())  # noqa: SLF001 -- each step by itself
    with pytest.raises(settling.IllegalTransition):
        settling._put_plan_on_line(placed, card)  # noqa: SLF001 -- the same
    with pytest.raises(settling.CancelWon):
        settling._decide_to_charge(placed)  # noqa: SLF001 -- the same

    order = Order.objects.get(pk=placed.pk)
    assert (order.profile, order.subscription, order.charge_decided_at) == (None, None, None)
    assert (Profile.objects.count(), Subscription.objects.count()) == (0, 0)


def test_what_is_decided_is_not_decided_again(placed: Order) -> None:
    seen_before = Order.objects.get(pk=placed.pk)
    at = now() - timedelta(hours=1)
    Order.objects.filter(pk=placed.pk).update(state=OrderState.IN_PROGRESS, charge_decided_at=at)

    with pytest.raises(settling.CancelWon):
        settling._decide_to_charge(seen_before)  # noqa: SLF001 -- the very step

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

    with pytest.raises(settling.IllegalTransition, match="its plan already"):
        settling._put_plan_on_line(seen_before, sim)  # noqa: SLF001 -- the very step

    assert Subscription.objects.count() == 1


def test_of_two_workers_one_moves_the_order(placed: Order) -> None:
    seen_before = Order.objects.get(pk=placed.pk)
    settling._move(placed, OrderState.IN_PROGRESS)  # noqa: SLF001 -- the one door

    with pytest.raises(settling.IllegalTransition, match="meanwhile"):
        settling._move(seen_before, OrderState.IN_PROGRESS)  # noqa: SLF001 -- the same

    assert placed.changes.count() == 1


class Free(Lease):
    """A lease that nobody disputes."""

    def __init__(self) -> None:
        super().__init__(0, "")

    def prolong(self) -> None:
        """Hold on."""


def test_the_step_at_the_bank_is_waited_for_half_an_hour(
    alice: User, gateway: str, smdp: str
) -> None:
    make_pool()
    order = settled(make_order(alice, method=new_card(alice, CUSTOMER_STEP)))
    assert order.state == OrderState.PENDING
    Order.objects.update(created_at=now() - settling.CUSTOMER_STEP_LIMIT)

    order = settled(order)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.PAYMENT_REFUSED)
    reason = "PaymentDeclined: the step at the bank was not taken"
    assert order.changes.latest("pk").reason == reason
    assert statuses(gateway) == ["voided"]


def test_a_hold_that_ran_out_at_the_bank_is_a_refusal(alice: User, gateway: str, smdp: str) -> None:
    make_pool()
    order = settled(make_order(alice, method=new_card(alice, CUSTOMER_STEP)))
    voided = {"headers": {"Idempotency-Key": "elsewhere"}, "json": {}, "trust_env": False}
    httpx.post(f"{gateway}/payments/{order.payment.gateway_id}/void", **voided)  # type: ignore[arg-type]  # httpx's own keywords

    order = settled(order)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.PAYMENT_REFUSED)
    reason = "PaymentDeclined: it has run out at the gateway"
    assert order.changes.latest("pk").reason == reason


def test_every_move_is_written_down(placed: Order, smdp: str) -> None:
    settled(placed)

    moves = list(placed.changes.values_list("old", "new", "reason"))
    assert moves == [("acknowledged", "in_progress", ""), ("in_progress", "completed", "")]
    assert not placed.changes.exclude(actor=None)


def test_who_waits_for_the_bank_and_comes_back_is_written_down(
    alice: User, gateway: str, smdp: str
) -> None:
    make_pool()
    order = make_order(alice, method=new_card(alice, CUSTOMER_STEP))
    for _ in range(2):
        assert seconds(look(order)) == settling.CUSTOMER_STEP_PAUSE.total_seconds()
    order = Order.objects.get(pk=order.pk)
    httpx.post(order.payment.customer_step_url, data={"decision": "approve"}, trust_env=False)
    look(order)

    assert list(order.changes.values_list("new", "reason")) == [
        ("in_progress", ""),
        ("pending", "waits for a step at the bank"),
        ("in_progress", "the customer came back from the bank"),
        ("completed", ""),
    ]


def test_who_takes_long_at_the_bank_is_asked_about_ever_less_often(
    alice: User, gateway: str, smdp: str
) -> None:
    """Whoever comes back rings; a thousand who do not must not keep every worker busy."""
    make_pool()
    order = make_order(alice, method=new_card(alice, CUSTOMER_STEP))
    pauses = []
    for minutes in (0, 2, 20):
        Order.objects.filter(pk=order.pk).update(created_at=now() - timedelta(minutes=minutes))
        pauses.append(round(seconds(look(order))))

    assert pauses == [5, 30, 120]


def test_a_payments_bell_rings_for_its_order(placed: Order, smdp: str) -> None:
    settling.look_at_payment(str(placed.payment_id), Free())
    settling.look_at_payment("0", Free())

    task = Task.objects.get()
    assert (task.kind, task.subject, task.rings) == ("order", str(placed.pk), 2)


def test_a_line_is_new_with_its_first_order(alice: User, gateway: str, smdp: str) -> None:
    card = make_card()
    visit = make_visit(account=alice, eid="", iccid=card.iccid)
    first = make_order(alice, visit=visit, method=new_card(alice))
    second = make_order(alice, visit=visit, plan=first.plan, method=new_card(alice))

    assert [settled(order).line_is_new for order in (first, second)] == [True, False]


def test_what_is_charged_is_decided_for_this_order_alone(
    placed: Order, alice: User, gateway: str, smdp: str
) -> None:
    other = make_order(alice, plan=placed.plan, method=new_card(alice))
    Order.objects.filter(pk=other.pk).update(state=OrderState.IN_PROGRESS)

    before = now()
    order = settled(placed)

    other.refresh_from_db()
    assert (other.state, other.profile, other.subscription) == (OrderState.IN_PROGRESS, None, None)
    assert (other.charge_decided_at, other.tries, other.let_go_at) == (None, 0, None)
    assert order.charge_decided_at is not None
    assert before <= order.charge_decided_at <= now()
    assert order.completed_at is not None
    assert before <= order.completed_at <= now()


def test_no_move_is_possible_that_the_table_does_not_name(placed: Order) -> None:
    for old in OrderState:
        for new in set(OrderState) - NEXT_STATES[old]:
            order = Order(pk=placed.pk, state=old)
            with pytest.raises(settling.IllegalTransition):
                settling._move(order, new)  # noqa: SLF001 -- the one door


def rows_that_hold(text: str) -> list[str]:
    """Name the tables in which some row holds this text in any column."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            query = sql.SQL("SELECT count(*) FROM {} AS t WHERE t::text LIKE %s")
            cursor.execute(query.format(sql.Identifier(table)), [f"%{text}%"])
            found += [table] if cursor.fetchone() != (0,) else []
    return found


def test_of_a_card_only_its_last_four_are_in_the_database(placed: Order, smdp: str) -> None:
    settled(placed)

    assert placed.payment.method.last4 == "4242"
    # Random keys hold four or five given digits now and then; of the card no more are kept.
    assert rows_that_hold("424242") == []


def test_the_matching_id_stands_nowhere_in_clear(placed: Order, smdp: str) -> None:
    settled(placed)

    secret = Profile.objects.get().matching_id
    assert rows_that_hold(secret) == []
    assert rows_that_hold(secret[-4:]) == ["esim_es2call"]


def test_without_stock_at_the_smdp_the_customer_reads_so_and_pays_nothing(
    placed: Order, gateway: str, settings: Settings
) -> None:
    none_left = executed({}, "Failed", subject="8.2.5", reason="3.7")
    with answering(Peer(next=[lambda _body: none_left])) as peer:
        settings.SMDP_URL = peer.url
        order = settled(placed)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.NO_PROFILE_LEFT)
    assert statuses(gateway) == ["voided"]
    assert peer.functions == ["downloadOrder"]
    assert failure(order).title == "We have no eSIM for you right now"  # type: ignore[union-attr]  # it failed


def test_an_smdp_that_asks_to_be_left_alone_is(placed: Order, settings: Settings) -> None:
    busy = Says(status=429, headers={"Retry-After": "9"})
    with answering(Peer(next=[lambda _body: busy])) as peer:
        settings.SMDP_URL = peer.url

        assert seconds(look(placed)) == 9
