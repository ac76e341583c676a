"""`orders.domain.deleting`: an order goes with all that belongs to it, once the law allows it."""

from datetime import timedelta

import pytest
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import User
from esim.models import Profile
from mobileplans.models import Visit
from moportal import retention
from orders.domain import placing, repairing, returning
from orders.models import Draft, Order, Repair, Return, StateChange
from orders.states import OrderState, RepairState, ReturnState
from payments.models import GatewayCall, Payment, PaymentMethod, Receipt, Refund
from subscriptions.models import Subscription
from tests.orders.conftest import settled

YEAR = timedelta(days=366)
BOOKS = (Order, Draft, StateChange, Repair, Return, Payment, Receipt, Refund)


def age(years: float) -> None:
    Order.objects.update(created_at=now() - years * YEAR)


@pytest.fixture
def sold(placed: Order) -> Order:
    return settled(placed)


def test_an_old_order_is_deleted_with_its_books(sold: Order, alice: User, clara: User) -> None:
    repairing.reissue(sold, actor=alice, because="x", visit=sold.visit)
    Repair.objects.update(state=RepairState.REFUSED, ended_at=now())
    returning.request_return(sold, actor=clara, because="x")
    Return.objects.update(state=ReturnState.DONE, ended_at=now())
    age(10.1)

    assert retention.purge("orders.Order") == 1

    assert [model.__name__ for model in BOOKS if model.objects.exists()] == []
    assert not GatewayCall.objects.exclude(payment=None).exists()
    assert retention.purge("orders.Order") == 0


def test_the_service_stays(sold: Order) -> None:
    age(10.1)
    retention.purge("orders.Order")

    assert (Subscription.objects.count(), Profile.objects.count()) == (1, 1)
    assert (PaymentMethod.objects.count(), Visit.objects.count()) == (1, 1)


def test_an_order_is_kept_for_as_long_as_the_setting_says(sold: Order, settings: Settings) -> None:
    age(9.9)
    assert retention.purge("orders.Order") == 0

    settings.BOOKS_YEARS = 9
    assert retention.purge("orders.Order") == 1


def test_an_order_that_is_worked_on_is_kept(placed: Order) -> None:
    age(10.1)

    assert retention.purge("orders.Order") == 0


def test_an_order_that_is_not_undone_yet_is_kept(placed: Order) -> None:
    placing.request_cancel(placed, actor=placed.account)
    age(10.1)
    assert Order.objects.get().state == OrderState.CANCELLED or not Order.objects.get().undone_at
    assert retention.purge("orders.Order") == 0

    settled(placed, times=3)
    assert retention.purge("orders.Order") == 1


@pytest.mark.parametrize("is_repaired", [True, False], ids=["repair", "return"])
def test_an_order_with_an_open_repair_or_return_is_kept(
    sold: Order, alice: User, clara: User, *, is_repaired: bool
) -> None:
    if is_repaired:
        repairing.reissue(sold, actor=alice, because="x", visit=sold.visit)
    else:
        returning.request_return(sold, actor=clara, because="x")
    age(10.1)

    assert retention.purge("orders.Order") == 0
