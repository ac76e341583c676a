"""`orders.domain.placing`: one decision makes one order, however often the form is sent."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.utils.timezone import now
from django.utils.translation import override
from pytest_django.fixtures import Settings

from accounts.models import User
from brand.models import LegalText
from esim.domain import pool
from esim.domain.pool import PoolEmpty
from esim.models import Profile, Sim
from esim.states import SimState
from moportal.money import Money
from orders.domain import drafts, moving, placing, settling
from orders.domain.drafts import StaleForm
from orders.models import Draft, Order
from orders.states import OrderState
from outbox.models import Task
from payments.domain import methods, off_session
from payments.domain.off_session import NotChargeable
from payments.models import Payment, PaymentMethod
from payments.states import PaymentState
from tests.builders import (
    EID,
    make_card,
    make_draft,
    make_method,
    make_order,
    make_plan,
    make_pool,
    make_visit,
    payment_of,
)
from tests.payments.conftest import agree, refuse
from tests.races import at_once


def test_an_order_copies_what_was_shown(alice: User) -> None:
    draft = make_draft(alice)

    order = placing.place(draft, version=draft.version)

    assert (order.plan_name, order.price.gross.minor_units) == ("Traveller", 1900)
    assert payment_of(order).key == draft.key
    assert (order.eid, order.tax_rate) == (draft.visit.eid, draft.tax_rate)
    assert order.terms_version == ""
    assert Task.objects.filter(kind="order", subject=order.pk).count() == 1


def test_an_order_for_an_existing_sim_names_it(alice: User) -> None:
    card = make_card()

    order = make_order(alice, visit=make_visit(account=alice, eid="", iccid=card.iccid))

    assert order.sim == card


def test_the_payment_has_the_order_number_and_the_return_address(
    alice: User, settings: Settings
) -> None:
    settings.PORTAL_URL = "https://portal.example/"

    order = make_order(alice)

    payment = payment_of(order)
    assert (payment.amount, payment.reference) == (order.price.gross, order.number)
    assert payment.return_url == f"https://portal.example/orders/{order.number}/returned/"


@pytest.mark.parametrize(("active", "language"), [("de", "de"), (None, "en")])
def test_an_order_keeps_the_language_and_the_terms_agreed_to(
    alice: User, active: str | None, language: str
) -> None:
    LegalText.objects.create(kind=LegalText.Kind.TERMS, language=language, version="7", body="x")

    with override(active):
        order = make_order(alice)

    assert (order.language, order.terms_version) == (language, "7")


@pytest.mark.parametrize("lacking", ["plan", "method"])
def test_an_incomplete_draft_makes_no_order(alice: User, lacking: str) -> None:
    draft = make_draft(alice)
    Draft.objects.filter(pk=draft.pk).update(**{lacking: None})

    with pytest.raises(StaleForm):
        placing.place(draft, version=draft.version)


def test_only_the_submitted_draft_is_spent(alice: User, bob: User) -> None:
    draft = make_draft(alice)
    of_bob = make_draft(bob, plan=draft.plan)
    assert of_bob.version == draft.version

    placing.place(draft, version=draft.version)

    assert Draft.objects.get(pk=of_bob.pk).submitted_at is None


def test_sending_a_form_twice_makes_one_order(alice: User) -> None:
    draft = make_draft(alice)

    first = placing.place(draft, version=draft.version)
    second = placing.place(draft, version=draft.version)

    assert second == first


def test_another_version_of_a_submitted_draft_is_refused(alice: User) -> None:
    draft = make_draft(alice)
    order = placing.place(draft, version=draft.version)

    with pytest.raises(placing.PlacedOtherwise) as refused:
        placing.place(draft, version=draft.version - 1)

    assert refused.value.order == order
    assert Order.objects.count() == 1


def test_a_form_of_an_older_version_makes_no_order(alice: User) -> None:
    draft = make_draft(alice)

    with pytest.raises(StaleForm):
        placing.place(draft, version=draft.version - 1)

    assert not Order.objects.exists()


def test_a_form_whose_copy_is_submitted_meanwhile_gets_the_copys_order(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = make_draft(alice)
    lock = methods.lock

    def submit_copy_first(method: PaymentMethod) -> PaymentMethod:
        monkeypatch.setattr(methods, "lock", lock)
        placing.place(draft, version=draft.version)
        return lock(method)

    monkeypatch.setattr(methods, "lock", submit_copy_first)

    order = placing.place(draft, version=draft.version)

    assert order == Order.objects.get()


@pytest.mark.django_db(transaction=True)
def test_twenty_concurrent_submits_make_one_order(alice: User) -> None:
    draft = make_draft(alice)

    orders = at_once(lambda: placing.place(draft, version=draft.version), 20)

    assert {getattr(order, "pk", order) for order in orders} == {Order.objects.get().pk}
    assert (Payment.objects.count(), Task.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_without_the_compare_and_set_all_twenty_submits_would_succeed(alice: User) -> None:
    """Show the race: reading, then writing, lets several through where the guard lets one."""
    draft = make_draft(alice)

    def unguarded() -> bool:
        is_open = Draft.objects.get(pk=draft.pk).submitted_at is None
        time.sleep(0.05)
        Draft.objects.filter(pk=draft.pk).update(submitted_at=now())
        return is_open

    went_on = at_once(unguarded, 20)

    assert went_on.count(True) > 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_guarded", [True, False], ids=["guarded", "unguarded"])
def test_an_order_and_a_charge_at_once_never_exceed_the_tries_of_their_card(
    alice: User, monkeypatch: pytest.MonkeyPatch, *, is_guarded: bool
) -> None:
    method = make_method(alice)
    refuse(method, 7)
    draft, mandate = make_draft(alice, method=method), agree(method)
    count = methods.has_tries_left

    def count_slowly(*given: Any, **more: Any) -> bool:
        is_left = count(*given, **more)
        time.sleep(0.2)
        return is_left

    monkeypatch.setattr(methods, "has_tries_left", count_slowly)
    if not is_guarded:
        monkeypatch.setattr(methods, "lock", lambda method: method)
    place = partial(placing.place, draft, version=draft.version)
    charge = partial(off_session.request_charge, mandate, Money(1900, "USD"), reference="R")
    turns: Iterator[Callable[[], object]] = iter([place, charge])

    results = at_once(partial(_next_turn, turns), 2)

    refused = [one for one in results if isinstance(one, StaleForm | NotChargeable)]
    started = Payment.objects.exclude(state=PaymentState.DECLINED).count()
    assert (started, len(refused)) == ((1, 1) if is_guarded else (2, 0))


@pytest.mark.django_db(transaction=True)
def test_of_concurrent_cancel_and_charge_one_wins(alice: User, settings: Settings) -> None:
    settings.ORDER_LIMIT = settings.DEVICE_ORDER_LIMIT = 0
    plan = make_plan()
    for _ in range(10):
        order = make_order(alice, plan=plan)
        Order.objects.filter(pk=order.pk).update(state=OrderState.IN_PROGRESS)
        cancel = partial(placing.request_cancel, order, actor=alice)
        charge = partial(settling._decide_to_charge, Order.objects.get(pk=order.pk))  # noqa: SLF001 -- the moment meant
        turns = iter([cancel, charge])

        results = at_once(partial(_next_turn, turns), 2)

        lost = [type(result) for result in results if isinstance(result, Exception)]
        assert lost in ([placing.TooLateToCancel], [moving.CancelWon])
        order.refresh_from_db()
        assert (order.cancel_requested_at is None) != (order.charge_decided_at is None)


def _next_turn(turns: Iterator[Callable[[], object]]) -> None:
    next(turns)()


@pytest.mark.django_db(transaction=True)
def test_one_of_fifty_buyers_gets_the_last_iccid(alice: User) -> None:
    (last,) = make_pool(1)

    claims = at_once(lambda: pool.intend(eid=EID, profile_type="consumer"), 50)

    assert [claim.sim for claim in claims if isinstance(claim, Profile)] == [last]
    assert sum(isinstance(claim, PoolEmpty) for claim in claims) == 49
    last.refresh_from_db()
    assert last.state == SimState.RESERVED


@pytest.mark.django_db(transaction=True)
def test_without_the_compare_and_set_several_would_get_the_last_iccid(alice: User) -> None:
    (last,) = make_pool(1)

    def unguarded() -> bool:
        is_free = Sim.objects.get(pk=last.pk).state == SimState.AVAILABLE
        time.sleep(0.05)
        Sim.objects.filter(pk=last.pk).update(state=SimState.RESERVED)
        return is_free

    assert at_once(unguarded, 20).count(True) > 1


def test_a_refused_payment_opens_a_draft_with_the_same_plan(alice: User) -> None:
    order = make_order(alice)

    draft = placing.reopen_draft(order)

    assert (draft.plan, draft.price) == (order.plan, order.price)
    assert draft.key != payment_of(order).key


def test_an_open_draft_without_a_plan_gets_the_plan_whose_payment_was_refused(alice: User) -> None:
    order = make_order(alice)
    opened = drafts.open_draft(alice, order.visit)

    draft = placing.reopen_draft(order)

    assert (draft.pk, draft.plan, draft.price) == (opened.pk, order.plan, order.price)
    assert (draft.tax_rate, draft.version) == (order.tax_rate, opened.version + 1)


def test_a_cancel_enqueues_its_order(alice: User) -> None:
    order = make_order(alice)

    placing.request_cancel(order, actor=alice)

    task = Task.objects.get()
    assert (task.kind, task.subject, task.enqueue_count) == ("order", str(order.pk), 2)


def test_a_draft_with_another_plan_is_not_changed(alice: User) -> None:
    order = make_order(alice)
    other = make_draft(alice, visit=order.visit, plan=make_plan(code="other"))

    assert placing.reopen_draft(order) == other
    assert Draft.objects.get(pk=other.pk).plan_name == "Other"
