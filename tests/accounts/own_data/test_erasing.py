"""An account is erased: of its customer only what is registered as kept is left."""

from collections.abc import Callable
from datetime import timedelta
from itertools import count

import pytest
import time_machine
from django.test import Client
from django.utils.timezone import now

from accounts.domain import deleting
from accounts.models import Deletion, User
from accounts.states import DeletionState
from messages.models import Message
from moportal import personal, retention
from orders.models import Order
from payments.models import PaymentMethod
from subscriptions.models import Attempt, Line, Subscription
from tests.accounts.own_data.working import after_the_week, work
from tests.accounts.own_data.world import MARK, NUMBER, fill, found, mark, rows_of
from tests.builders import EID, OTHER_EID, payment_of
from tests.conftest import PASSWORD
from tests.processing import process_task
from tests.speeds import sampled

pytestmark = pytest.mark.processes

OTHER_NUMBER = "+12025550143"
# These columns accept only values of a certain form, so the mark cannot be written there.
REFUSE_THE_MARK = {
    "customer_messages.Message.code",
    "accounts.SignIn.session_key",
    "accounts.StaffRecovery.code_digest",
    "accounts.StaffRecovery.code_mark",
    "accounts.TypedCode.code",
    "payments.PaymentCode.code",
    "subscriptions.LineLink.bill_code",
    "subscriptions.PlanChange.currency",
    "subscriptions.UsageRecord.country",
    "mobileplans.Handoff.currency",
    "mobileplans.Handoff.iccid",
    "accounts.User.market",
    "orders.Declaration.market",
    "subscriptions.Subscription.market",
    "subscriptions.Subscription.changing",
}


@pytest.fixture
def filled(alice: User, bob: User, clara: User, sell: Callable[..., Order]) -> Order:
    """Give Alice and Bob a row in every table, and return Alice's order."""
    order = sell(alice)
    fill(alice, order, staff=clara)
    fill(bob, sell(bob, eid=OTHER_EID), staff=clara, number=OTHER_NUMBER)
    work()
    return order


def test_nothing_is_left_but_what_is_kept_and_nobody_else_loses_anything(
    filled: Order, alice: User, bob: User, as_alice: Client
) -> None:
    of_bob = rows_of(bob)
    assert set(mark(alice)) == REFUSE_THE_MARK

    as_alice.post("/account/delete/")
    after_the_week()

    done = Deletion.objects.get(account=alice, state=DeletionState.DONE)
    assert sorted(set(found(MARK, alice.name, alice.username, NUMBER.lstrip("+"), EID))) == [
        # The last message, which is registered as kept.
        "customer_messages.Message.address",
        "customer_messages.Message.context",
        # The law keeps the receipt as it was issued.
        "payments.Receipt.buyer_name",
    ]
    assert rows_of(bob) == of_bob
    assert process_task(deleting.KIND, done.pk) is None
    assert rows_of(bob) == of_bob


def test_the_books_stay_without_their_customer_who_may_come_back_as_a_new_one(
    filled: Order, alice: User, as_alice: Client
) -> None:
    as_alice.post("/account/delete/")
    after_the_week()

    order = Order.objects.select_related("account", "payment__method").get(pk=filled.pk)
    before = (filled.number, filled.price, payment_of(filled).receipt)
    assert (order.number, order.price, payment_of(order).receipt) == before
    assert (order.eid, order.profile, order.sim) == ("", None, None)
    assert order.account.username == f"erased-{alice.pk}"
    assert (order.account.name, order.account.is_active) == ("", False)
    assert (payment_of(order).method.token, payment_of(order).method.last4) == ("", "4242")
    told = Message.objects.filter(occasion="account_deleted")
    assert sorted(told.values_list("address", flat=True)) == [NUMBER, alice.username]

    form = {"username": alice.username, "password": PASSWORD}
    assert "_auth_user_id" not in Client().post("/sign-in/", form).client.session
    assert as_alice.get("/account/").headers["Location"].startswith("/sign-in/")
    Client().post("/sign-up/", {**form, "name": "Alice"})
    assert User.objects.get(username=alice.username).pk != alice.pk


@pytest.mark.parametrize("alive_for", sampled([0, 7, 25], in_short=[7]))
def test_a_worker_that_dies_between_two_rooms_leaves_the_rest_to_the_next(
    filled: Order, alice: User, as_alice: Client, monkeypatch: pytest.MonkeyPatch, alive_for: int
) -> None:
    as_alice.post("/account/delete/")
    calls = count()
    erase = personal.Personal.erase_batch

    def die(entry: personal.Personal, person: personal.Person) -> int:
        if next(calls) == alive_for:
            raise KeyboardInterrupt
        return erase(entry, person)

    monkeypatch.setattr(personal.Personal, "erase_batch", die)
    with pytest.raises(KeyboardInterrupt):
        after_the_week()
    after_the_week()

    assert Deletion.objects.get(account=alice, state=DeletionState.DONE).ended_at
    assert set(found(alice.username, NUMBER.lstrip("+"), EID)) == {
        "customer_messages.Message.address"
    }


@pytest.mark.long
def test_what_is_left_goes_with_the_books(filled: Order, alice: User, as_alice: Client) -> None:
    as_alice.post("/account/delete/")
    after_the_week()
    for sold in (Order, Attempt):
        sold.objects.update(created_at=now() - timedelta(days=366 * 11))

    with time_machine.travel(now() + timedelta(days=366)):
        for _ in range(6):
            for label in retention.purged():
                retention.purge(label)

    assert not Order.objects.filter(account=alice).exists()
    assert not PaymentMethod.objects.filter(account=alice).exists()
    assert not Subscription.objects.filter(line__account=alice).exists()
    # A case that staff decided about names its two lines, and nothing else.
    assert Line.objects.filter(account=alice, msisdn="").count() == 1


@pytest.mark.long
def test_more_rows_than_a_batch_are_erased(
    filled: Order, alice: User, as_alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(personal, "BATCH", 1)
    for number in range(3):
        alice.proofs.create(kind="identity", subject=str(number), made_at=now())

    as_alice.post("/account/delete/")
    after_the_week()

    assert not alice.proofs.exists()
