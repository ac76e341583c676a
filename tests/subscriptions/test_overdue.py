"""What happens to a plan that is not paid in time. A fault of the operator ends no service."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import AccountMessage, User
from outbox.domain import enqueue
from outbox.models import Task
from payments.domain import cards
from payments.gateways.base import Ability, GatewayRefused
from payments.gateways.values import Processing
from payments.models import Payment, PaymentMethod
from payments.states import Initiator
from plans.models import Plan
from subscriptions.domain import by_hand, cancelling, lifecycle, periods, renewing
from subscriptions.domain.bounds import grace_bytes
from subscriptions.models import KIND, Period, Subscription
from tests.payments.conftest import agree
from tests.subscriptions.months.bank import Bank, BankCard
from tests.subscriptions.months.play import Life, living
from tests.subscriptions.months.stories import DAY, HOUR
from tests.subscriptions.test_renewal_races import DEAD, FEBRUARY, GOOD, MARCH, SOLD, statuses

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_process")]


@pytest.fixture
def life(alice: User) -> Iterator[Life]:
    with living(alice, GOOD) as life:
        yield life


@pytest.fixture
def refused(alice: User) -> Iterator[Life]:
    with living(alice, DEAD) as life:
        yield life


def state(life: Life) -> tuple[str, str]:
    found = Subscription.objects.get()
    return found.state, found.parked_because


def told(life: Life) -> list[str]:
    rows = AccountMessage.objects.filter(account=life.account).order_by("pk")
    return list(rows.values_list("occasion", flat=True))


def choose(life: Life) -> None:
    mandate = agree(life.keep(BankCard("another")), purpose="R0")
    cancelling.pay_with(Subscription.objects.get(), mandate)


def left(life: Life) -> timedelta | None:
    [left] = life.left_times(life.subscriptions[0])
    return left


def test_months_that_began_while_no_worker_ran_are_charged_in_order(life: Life) -> None:
    life.clock.move_to(SOLD + 100 * DAY, tick=False)
    life.work()

    assert statuses(life) == ["captured"] * 3
    assert [one.reference for one in life.books.entries] == ["R0-2", "R0-3", "R0-4"]
    assert state(life) == ("active", "")
    assert told(life) == ["renewed"] * 3


def test_who_cancels_in_grace_keeps_no_allowance(refused: Life) -> None:
    refused.pass_to(FEBRUARY + DAY)
    assert left(refused) == 6 * DAY

    cancelling.cancel(Subscription.objects.get())
    refused.work()

    assert state(refused) == ("ended", "")
    assert left(refused) is None


def test_another_card_before_the_month_begins_pays_for_it(life: Life) -> None:
    life.pass_to(FEBRUARY - HOUR)
    choose(life)
    life.pass_to(FEBRUARY + HOUR)

    paid_with = [(one.token, one.status) for one in life.books.entries]
    assert paid_with == [("good", "voided"), ("another", "captured")]
    assert told(life) == ["renewal_ahead", "renewed"]


def test_an_authorisation_that_has_lapsed_in_an_outage_is_replaced_at_once(life: Life) -> None:
    back = FEBRUARY + 8 * DAY
    life.pass_to(FEBRUARY - HOUR)
    life.books.away = ((FEBRUARY - HOUR, back),)
    # Workers come every ten minutes. A few of these moments are enough.
    for moment in (FEBRUARY, FEBRUARY + 7 * DAY, back - HOUR):
        life.clock.move_to(moment, tick=False)
        life.work()
    assert state(life) == ("grace", "")

    life.pass_to(back + HOUR)

    assert statuses(life) == ["voided", "captured"]
    assert state(life) == ("active", "")
    assert Period.objects.get(number=2).ends_at == MARCH


def test_a_gateway_that_voids_each_charge_is_asked_once_a_day(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    def capture(_bank: Bank, gateway_id: str, *, key: str) -> None:
        next(one for one in life.books.entries if one.gateway_id == gateway_id).status = "voided"
        raise GatewayRefused("capture: voided")

    monkeypatch.setattr(Bank, "capture", capture)
    life.pass_to(FEBRUARY + 3 * DAY + HOUR)

    # The first one was authorised a day before, so it may have lapsed.
    assert statuses(life) == ["voided"] * 5
    assert state(life) == ("grace", "")


def test_a_gateway_that_is_not_listed_costs_no_service(life: Life, settings: Settings) -> None:
    settings.PAYMENT_GATEWAY = []
    for moment in (FEBRUARY - DAY, FEBRUARY, FEBRUARY + 7 * DAY, FEBRUARY + 9 * DAY):
        life.clock.move_to(moment, tick=False)
        life.work()
    assert state(life) == ("grace", "")
    assert told(life) == ["renewal_ahead", "payment_overdue"]

    settings.PAYMENT_GATEWAY = ["tests.subscriptions.months.bank.Bank"]
    life.pass_to(FEBRUARY + 10 * DAY)

    assert statuses(life) == ["captured"]
    assert state(life) == ("active", "")


def test_a_gateway_that_refuses_to_void_keeps_the_plan_for_staff(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    def void(_bank: Bank, gateway_id: str, *, key: str) -> None:
        raise GatewayRefused("void: no")

    monkeypatch.setattr(Bank, "void", void)
    life.pass_to(FEBRUARY - HOUR)
    cancelling.cancel(Subscription.objects.get())
    life.pass_to(FEBRUARY + DAY)
    assert state(life) == ("active", "fault")
    assert left(life) is None

    monkeypatch.undo()
    life.pass_to(FEBRUARY + 3 * DAY)

    assert state(life) == ("ended", "fault")
    assert statuses(life) == ["voided"]


@pytest.fixture
def bank_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the customer confirm payments at the bank."""
    monkeypatch.setattr(Bank, "abilities", Bank.abilities | {Ability.BANK_STEP})


def pay_by_hand(life: Life) -> Payment:
    """Let the customer pay for the overdue plan with another card."""
    amount = Period.objects.latest("number").price.gross
    card = life.keep(BankCard("by hand"))
    plan = Subscription.objects.get()
    by_hand.agree_to_pay(plan, card, amount=amount, text="I agree.", language="en")
    life.work()
    return Payment.objects.latest("pk")


def test_a_customer_pays_by_hand_on_hold(refused: Life, bank_step: None) -> None:
    refused.pass_to(FEBRUARY + 8 * DAY)

    payment = pay_by_hand(refused)

    assert (payment.initiator, payment.mandate) == (Initiator.CUSTOMER, None)

    assert state(refused) == ("active", "")
    assert [one.token for one in refused.books.entries if one.status == "captured"] == ["by hand"]


def test_a_bank_that_needs_time_is_waited_for(
    refused: Life, bank_step: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    authorise = Bank.authorise

    def needs_time(bank: Bank, *args: Any, **options: Any) -> Processing:
        return Processing(authorise(bank, *args, **options).gateway_id)

    refused.pass_to(FEBRUARY + 8 * DAY)
    monkeypatch.setattr(Bank, "authorise", needs_time)
    monkeypatch.setattr(Bank, "fetch", lambda _bank, gateway_id: Processing(gateway_id))
    payment = pay_by_hand(refused)
    assert (payment.state, state(refused)) == ("pending", ("on_hold", ""))
    (task,) = Task.objects.filter(kind=KIND, closed_at=None)
    assert task.not_before == now() + timedelta(seconds=5)

    monkeypatch.undo()
    renewing.enqueue_of_payment(str(payment.pk))
    refused.work()

    assert state(refused) == ("active", "")


def test_a_card_that_is_removed_before_the_bank_was_asked_is_not_asked_for(life: Life) -> None:
    life.books.away = ((FEBRUARY - 2 * DAY, FEBRUARY - HOUR),)
    life.clock.move_to(FEBRUARY - 2 * HOUR, tick=False)
    life.work()
    cards.remove(PaymentMethod.objects.get())
    life.pass_to(FEBRUARY + 31 * DAY)

    assert statuses(life) == []
    assert Payment.objects.get().state == "voided"
    assert state(life) == ("ended", "")


def test_a_card_that_is_removed_after_the_bank_has_approved_is_not_charged(life: Life) -> None:
    life.pass_to(FEBRUARY - HOUR)
    cards.remove(PaymentMethod.objects.get())
    life.pass_to(FEBRUARY + HOUR)

    assert statuses(life) == ["voided"]
    assert state(life) == ("grace", "")
    choose(life)
    life.work()
    assert statuses(life) == ["voided", "captured"]


def test_without_a_method_the_plan_ends_after_thirty_days(life: Life) -> None:
    Subscription.objects.update(mandate=None)

    life.pass_to(FEBRUARY + 31 * DAY)

    assert life.books.entries == []
    assert state(life) == ("ended", "")


def test_a_first_method_can_be_chosen_in_grace(life: Life) -> None:
    Subscription.objects.update(mandate=None)
    life.pass_to(FEBRUARY + HOUR)

    choose(life)
    life.work()

    assert statuses(life) == ["captured"]


def test_choosing_the_same_card_again_keeps_its_mandate(life: Life) -> None:
    subscription = Subscription.objects.get()
    assert subscription.mandate

    cancelling.pay_with(subscription, subscription.mandate)

    subscription.mandate.refresh_from_db()
    assert subscription.mandate.ended_at is None


def test_undoing_what_was_not_cancelled_changes_nothing(life: Life) -> None:
    cancelling.undo(Subscription.objects.get())

    assert told(life) == []


def test_what_has_ended_or_never_renews_is_left_alone(life: Life) -> None:
    lifecycle.end(Subscription.objects.get())
    enqueue(KIND, life.subscriptions[0].pk)
    life.work()
    Subscription.objects.update(anchored_at=None)
    enqueue(KIND, life.subscriptions[0].pk)
    life.work()

    assert not Task.objects.filter(kind=KIND, closed_at=None).exists()
    assert life.books.services["R0"]["ended"]


def test_a_period_is_opened_once(life: Life) -> None:
    life.pass_to(FEBRUARY + HOUR)

    periods.open_period(Period.objects.get(number=2), at=FEBRUARY + DAY)

    assert told(life) == ["renewal_ahead", "renewed"]


def test_an_unlimited_plan_has_a_gigabyte_in_grace() -> None:
    assert grace_bytes(Plan(data_bytes=None)) == 10**9
