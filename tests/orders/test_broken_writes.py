"""The database refuses the write after an outside call: the call's effect is found and kept.

A trigger refuses one write. The call before it has taken effect, and only the provider
knows. The next run must find that out instead of repeating the effect.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection
from django.utils.timezone import now

from accounts.models import User
from orders.domain import placing
from orders.models import Order
from orders.states import OrderState
from outbox import domain
from outbox.models import Task
from payments.models import Receipt
from tests.providers import books, break_it, profiles, statuses

pytestmark = pytest.mark.django_db(transaction=True)

# The refused write: its table, its kind, and which of the new rows.
AFTER_A_CALL = {
    "the answer of authorise": ("payments_gatewaycall", "UPDATE", "NEW.operation = 'authorise'"),
    "the payment authorised": ("payments_payment", "UPDATE", "NEW.state = 'authorised'"),
    "the answer of DownloadOrder": ("esim_es2call", "UPDATE", "NEW.function = 'downloadOrder'"),
    "the profile reserved": ("esim_profile", "UPDATE", "NEW.state = 'reserved'"),
    "the answer of ConfirmOrder": ("esim_es2call", "UPDATE", "NEW.function = 'confirmOrder'"),
    "the profile released": ("esim_profile", "UPDATE", "NEW.state = 'released'"),
    "the plan on the line": ("subscriptions_subscription", "INSERT", "true"),
    "the answer of the network": ("subscriptions_networkcall", "UPDATE", "true"),
    "the plan live": ("subscriptions_livesim", "INSERT", "true"),
    "the charge decided": ("orders_order", "UPDATE", "NEW.charge_decided_at IS NOT NULL"),
    "the answer of capture": ("payments_gatewaycall", "UPDATE", "NEW.operation = 'capture'"),
    "the payment captured": ("payments_payment", "UPDATE", "NEW.state = 'captured'"),
    "the receipt": ("payments_receipt", "INSERT", "true"),
    "the order completed": ("orders_order", "UPDATE", "NEW.state = 'completed'"),
}
ENDED_THERE = ("subscriptions_subscription", "UPDATE", "NEW.ended_at IS NOT NULL")
LETTING_GO = {
    "the answer of void": ("payments_gatewaycall", "UPDATE", "NEW.operation = 'void'"),
    "the payment voided": ("payments_payment", "UPDATE", "NEW.state = 'voided'"),
    "the answer of CancelOrder": ("esim_es2call", "UPDATE", "NEW.function = 'cancelOrder'"),
    "the profile cancelled": ("esim_profile", "UPDATE", "NEW.state = 'cancelled'"),
    "the ICCID retired": ("esim_sim", "UPDATE", "NEW.state = 'retired'"),
    "that the order is undone": ("orders_order", "UPDATE", "NEW.undone_at IS NOT NULL"),
}


@contextmanager
def refused(table: str, write: str, which: str) -> Iterator[None]:
    """Let the database refuse these writes for as long as the context lasts."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$"
        )
        cursor.execute(
            f"CREATE TRIGGER refuse BEFORE {write} ON {table}"
            f" FOR EACH ROW WHEN ({which}) EXECUTE FUNCTION refuse()"
        )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TRIGGER refuse ON {table}; DROP FUNCTION refuse()")


def process() -> None:
    """Process every open task, and the tasks that these enqueue, as the reconciler does."""
    Task.objects.filter(closed_at=None).update(not_before=now())
    while due := domain.due_tasks():
        for task_id in due:
            domain.process(task_id)


@pytest.mark.parametrize("what", AFTER_A_CALL)
def test_a_write_that_fails_after_a_call_doubles_nothing(
    placed: Order, gateway: str, smdp: str, network: str, what: str
) -> None:
    with refused(*AFTER_A_CALL[what]):
        process()
        assert Order.objects.get().state == OrderState.IN_PROGRESS
    process()

    order = Order.objects.select_related("profile__sim").get()
    assert order.state == OrderState.COMPLETED
    assert statuses(gateway) == ["captured"]
    assert profiles(smdp) == [(order.profile.sim.iccid, "Released")]  # type: ignore[union-attr]  # it has one
    assert Receipt.objects.get().number == 1
    assert [one["state"] for one in books(network)["services"]] == ["active"]
    assert not Task.objects.filter(closed_at=None).exists()


@pytest.mark.parametrize("what", LETTING_GO)
def test_a_write_that_fails_while_undoing_leaves_nothing_behind(
    placed: Order, alice: User, gateway: str, smdp: str, what: str
) -> None:
    break_it(smdp, "confirmOrder", "http_500")
    process()
    placing.request_cancel(Order.objects.get(), actor=alice)

    with refused(*LETTING_GO[what]):
        process()
        assert Order.objects.get().undone_at is None
    process()

    order = Order.objects.get()
    assert (order.state, order.undone_at is None) == (OrderState.CANCELLED, False)
    assert statuses(gateway) == ["voided"]
    assert [state for _iccid, state in profiles(smdp)] == ["Unavailable"]
    assert not Task.objects.filter(closed_at=None).exists()


@pytest.mark.parametrize(
    "which", [("subscriptions_networkcall", "UPDATE", "NEW.operation = 'end'"), ENDED_THERE]
)
def test_a_write_that_fails_after_ending_the_service_leaves_nothing_live(
    placed: Order, network: str, which: tuple[str, str, str]
) -> None:
    break_it(network, "activate", "drop_after")
    process()
    placing.request_cancel(Order.objects.get(), actor=placed.account)

    with refused(*which):
        process()
        assert Order.objects.get().undone_at is None
    process()

    assert Order.objects.get().undone_at is not None
    assert [one["state"] for one in books(network)["services"]] == ["ended"]
