"""`accounts.domain.deleting`: what the deletion ends, what it waits for, and how it is undone."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils.timezone import now

from accounts.domain import endings
from accounts.models import AccessEvent, Deletion, User
from accounts.states import DeletionState
from esim.models import Profile
from messages.models import Message
from orders.models import Order
from orders.states import OrderState
from payments.domain import mandates
from payments.models import Mandate, PaymentMethod, Refund
from subscriptions.models import Line, OperatorLine, Subscription
from tests.accounts.own_data.working import after_the_week, work, work_from
from tests.builders import make_method, payment_of
from tests.providers import books, break_it
from tests.speeds import sampled

pytestmark = [pytest.mark.processes, pytest.mark.django_db]

OBSTACLES: dict[str, Callable[[Order], object]] = {
    "order": lambda order: Order.objects.filter(pk=order.pk).update(
        state=OrderState.HELD, completed_at=None
    ),
    "repair": lambda order: order.repairs.create(
        kind="reissue", because="x", asked_by=order.account, old_profile=Profile.objects.get()
    ),
    "dispute": lambda order: payment_of(order).disputes.create(
        gateway="simulator", gateway_id="1", kind="dispute", minor_units=1, currency="USD"
    ),
    "refund": lambda order: payment_of(order).refunds.create(
        minor_units=1, kind="goodwill", reason="x"
    ),
}


def ask(browser: Client) -> Deletion:
    browser.post("/account/delete/")
    return Deletion.objects.get()


def test_the_page_says_what_ends_what_waits_and_what_is_kept(
    alice: User, as_alice: Client, sell: Callable[..., Order]
) -> None:
    order = sell(alice)
    payment_of(order).disputes.create(
        gateway="simulator", gateway_id="1", kind="dispute", minor_units=1, currency="USD"
    )

    page = as_alice.get("/account/delete/").content.decode()

    assert "Traveller ends, and its unused data is lost." in page
    assert "Visa ending in 4242 is removed." in page
    assert "A dispute with your bank" in page
    assert "10 years" in page
    assert not Deletion.objects.exists()


def test_asking_tells_every_address_and_charges_nothing_more(alice: User, as_alice: Client) -> None:
    alice.addresses.create(value="+12025550142")
    method = make_method(alice)
    mandates.agree(method, purpose="plan 1", text="I agree.", language="en")

    found = ask(as_alice)

    assert found.due_at - found.asked_at == timedelta(days=7)
    assert Mandate.objects.get().end_reason == "withdrawn"
    assert PaymentMethod.objects.get().removed_at is None
    told = Message.objects.filter(occasion="deletion_asked").values_list("address", flat=True)
    assert sorted(told) == ["+12025550142", "alice@example.com"]
    assert AccessEvent.objects.filter(kind="deletion_asked").count() == 1
    assert "Keep my account" in as_alice.get("/account/").content.decode()


def test_asking_twice_is_asking_once(alice: User, as_alice: Client) -> None:
    first = ask(as_alice)

    assert ask(as_alice) == first
    assert Message.objects.filter(occasion="deletion_asked").count() == 1


def test_nothing_is_erased_before_the_week_is_over(alice: User, as_alice: Client) -> None:
    found = ask(as_alice)

    work_from(found.due_at - timedelta(hours=1))

    found.refresh_from_db()
    assert found.state == DeletionState.ASKED
    assert User.objects.get(pk=alice.pk).is_active


def test_what_was_undone_is_never_erased(alice: User, as_alice: Client) -> None:
    ask(as_alice)

    page = as_alice.post("/account/delete/undo/", follow=True).content.decode()
    after_the_week()

    assert "Your account stays. Nothing was deleted." in page
    assert Deletion.objects.get().state == DeletionState.UNDONE
    assert User.objects.get(pk=alice.pk).name == "Alice"
    assert Message.objects.filter(occasion="deletion_undone").count() == 1


def test_undoing_without_a_deletion_changes_nothing(alice: User, as_alice: Client) -> None:
    as_alice.post("/account/delete/undo/")
    as_alice.get("/account/delete/undo/")

    assert not Message.objects.exists()


def test_what_is_undone_at_the_last_moment_is_not_erased(alice: User, as_alice: Client) -> None:
    def undo(_account: User) -> bool:
        Deletion.objects.update(state=DeletionState.UNDONE, ended_at=now())
        return False

    ask(as_alice)
    endings.register(endings.Obstacle("undo", "", undo))
    try:
        after_the_week()
    finally:
        del endings._obstacles["undo"]  # noqa: SLF001 -- only a test takes one away

    assert Deletion.objects.get().state == DeletionState.UNDONE
    assert User.objects.get(pk=alice.pk).is_active


def test_what_is_being_erased_cannot_be_undone(alice: User, as_alice: Client) -> None:
    ask(as_alice)
    Deletion.objects.update(state=DeletionState.ERASING)

    as_alice.post("/account/delete/undo/")

    assert Deletion.objects.get().state == DeletionState.ERASING
    assert "Keep my account" not in as_alice.get("/account/delete/").content.decode()


@pytest.mark.parametrize("name", sampled(OBSTACLES, in_short=("dispute", "repair")))
def test_it_waits_and_can_still_be_undone(
    name: str, alice: User, as_alice: Client, sell: Callable[..., Order]
) -> None:
    OBSTACLES[name](sell(alice))
    ask(as_alice)

    after_the_week()

    assert Deletion.objects.get().state == DeletionState.WAITING
    assert User.objects.get(pk=alice.pk).is_active
    assert "payments and refunds have ended" in as_alice.get("/account/").content.decode()
    assert "but the deletion waits." in as_alice.get("/account/delete/").content.decode()
    as_alice.post("/account/delete/undo/")
    assert Deletion.objects.get().state == DeletionState.UNDONE


def test_it_goes_on_when_the_dispute_has_ended(
    alice: User, as_alice: Client, sell: Callable[..., Order]
) -> None:
    order = sell(alice)
    OBSTACLES["dispute"](order)
    ask(as_alice)
    after_the_week()

    payment_of(order).disputes.update(state="won", ended_at=now())
    work_from(now() + timedelta(days=8))

    assert Deletion.objects.get().state == DeletionState.DONE


def test_the_plan_ends_in_the_network_and_the_card_is_removed_at_the_gateway(
    alice: User,
    as_alice: Client,
    sell: Callable[..., Order],
    network: str,
    gateway: str,
) -> None:
    order = sell(alice)
    assert order.subscription
    break_it(network, "end", "drop_after")
    ask(as_alice)

    after_the_week()

    assert Deletion.objects.get().state == DeletionState.DONE
    ended = Subscription.objects.get(pk=order.subscription.pk)
    assert ended.ended_at
    [service] = books(network)["services"]
    assert service["state"] == "ended"
    assert PaymentMethod.objects.get().forgotten_at


def test_an_account_is_not_erased_while_the_network_keeps_its_plan(
    alice: User, as_alice: Client, sell: Callable[..., Order], network: str
) -> None:
    sell(alice)
    break_it(network, "end", "http", times=1000, status=422)
    ask(as_alice)

    after_the_week()

    assert Deletion.objects.get().state == DeletionState.ERASING
    assert not User.objects.get(pk=alice.pk).is_active
    assert User.objects.get(pk=alice.pk).name == "Alice"


def test_an_account_without_anything_is_erased_too(alice: User, as_alice: Client) -> None:
    ask(as_alice)
    work()

    after_the_week()

    assert Deletion.objects.get().state == DeletionState.DONE
    assert not Refund.objects.exists()


def test_a_plan_that_renews_is_cancelled_at_once(
    alice: User, as_alice: Client, sell: Callable[..., Order]
) -> None:
    order = sell(alice)
    monthly = Subscription.objects.filter(pk=getattr(order.subscription, "pk", 0))
    monthly.update(anchored_at=now())

    page = as_alice.get("/account/delete/").content.decode()
    ask(as_alice)

    assert "Traveller is cancelled at once. It no longer renews." in page
    assert monthly.get().is_cancelled


def test_a_line_of_the_operator_stays_with_the_operator(alice: User, as_alice: Client) -> None:
    line = Line.objects.create(account=alice, msisdn="12025550142")
    OperatorLine.objects.create(line=line, reference="L-1", balances_at=now())

    page = as_alice.get("/account/delete/").content.decode()

    assert "Your line +12025550142 stays active." in page
