"""What becomes of an order is told in the transaction that makes it true."""

import pytest
from django.test import Client

from accounts.models import AccountMessage, User
from messages.domain.writing import KIND
from messages.models import Message
from messages.states import MessageState, Occasion
from moportal.money import Money
from orders.domain import announcing, by_staff, placing, returning
from orders.models import Order
from orders.states import OrderState
from outbox.models import Task
from payments.models import CreditNote, Receipt
from tests.builders import make_order, make_pool
from tests.orders.conftest import DECLINED, new_card, settled
from tests.processing import process_task
from tests.providers import books, break_it

pytestmark = pytest.mark.django_db(transaction=True)


def told(order: Order) -> list[str]:
    """Return the occasions of an order's messages, oldest first."""
    messages = Message.objects.filter(key=order.number).order_by("pk")
    return list(messages.values_list("occasion", flat=True))


def test_a_buyer_whose_address_nobody_has_proven_receives_the_confirmation(
    placed: Order, phone: str
) -> None:
    order = settled(placed)

    message = Message.objects.get(key=order.number)
    process_task(KIND, message.pk)

    [mail] = books(phone)["messages"]
    assert mail["recipient"] == "alice@example.com"
    for fact in (order.display_number, "$19.00", "$1.57", "Visa ending in 4242", "Traveller"):
        assert fact in mail["text"]
    assert f"Receipt: {Receipt.objects.get()}" in mail["text"]
    assert "Hello Alice," in mail["text"]


def test_the_confirmation_has_what_was_charged(placed: Order) -> None:
    order = settled(placed)

    [one] = AccountMessage.objects.filter(account=order.account)
    assert one.context["total"] == Money(1900, "USD")
    receipt = Receipt.objects.get()
    assert one.context["receipt"] == str(receipt)
    assert (one.context["net"], one.context["tax"]) == (receipt.net, receipt.tax)
    assert one.context["issued_on"] == receipt.issued_on
    assert one.context["completed_at"] == order.completed_at


def test_an_order_is_confirmed_once(placed: Order) -> None:
    assert told(settled(placed, times=3)) == [Occasion.ORDER_CONFIRMED]


def test_without_the_message_the_order_does_not_complete(
    placed: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_order: object, **_more: object) -> None:
        raise KeyError("bug")

    monkeypatch.setattr(announcing, "tell_completed", fail)
    order = settled(placed)
    assert order.state == OrderState.IN_PROGRESS
    assert not Receipt.objects.exists()

    monkeypatch.undo()
    order = settled(order)

    assert order.state == OrderState.COMPLETED
    assert told(order) == [Occasion.ORDER_CONFIRMED]


def test_a_refused_payment_is_told(alice: User, gateway: str, smdp: str) -> None:
    make_pool()
    order = settled(make_order(alice, method=new_card(alice, DECLINED)))

    assert told(order) == [Occasion.ORDER_FAILED]
    context = Message.objects.get().context
    assert (context["is_refused"], context["is_charged"]) == (True, False)


def test_a_cancelled_order_is_told(placed: Order) -> None:
    placing.request_cancel(placed, actor=placed.account)

    assert told(settled(placed)) == [Occasion.ORDER_CANCELLED]


def test_an_order_that_staff_give_up_is_told_with_the_money(
    placed: Order, gateway: str, clara: User
) -> None:
    break_it(gateway, "capture", "drop_before", times=100)
    order = settled(placed, times=17)
    assert order.state == OrderState.HELD

    by_staff.give_up(order, actor=clara, because="no end in sight")

    assert told(order) == [Occasion.ORDER_FAILED]
    assert Message.objects.get().context["is_charged"] is True


def test_a_refund_is_told_once_the_money_is_back(placed: Order, gateway: str, clara: User) -> None:
    order = settled(placed)
    break_it(gateway, "refund", "drop_before")
    order_return = returning.request_return(order, actor=clara, because="goodwill")

    process_task(returning.KIND, order_return.pk)
    assert told(order) == [Occasion.ORDER_CONFIRMED]
    process_task(returning.KIND, order_return.pk)

    assert told(order) == [Occasion.ORDER_CONFIRMED, Occasion.ORDER_REFUNDED]
    context = Message.objects.get(occasion=Occasion.ORDER_REFUNDED).context
    note = CreditNote.objects.get()
    assert (context["credit_note"], context["receipt"]) == (str(note), str(note.receipt))


def test_a_message_is_queued_with_its_task(placed: Order) -> None:
    settled(placed)

    message = Message.objects.get()
    assert message.state == MessageState.QUEUED
    assert Task.objects.filter(kind=KIND, subject=str(message.pk), closed_at=None).count() == 1


def test_the_account_shows_what_was_told(as_alice: Client, placed: Order) -> None:
    settled(placed)
    number = AccountMessage.objects.get().pk

    assert f'href="/account/messages/{number}/"' in as_alice.get("/account/").text
    page = as_alice.get(f"/account/messages/{number}/")
    kept = as_alice.get(f"/account/messages/{number}/file/")

    assert "Your order is complete. This is your receipt." in page.text
    assert kept["Content-Disposition"] == f'attachment; filename="message-{number}.txt"'
    assert kept["Content-Type"] == "text/plain; charset=utf-8"
    assert "Receipt: " in kept.text
