"""An order whose card or eSIM no seal key opens waits until the key is back."""

import pytest
from cryptography.fernet import Fernet
from pytest_django.fixtures import Settings

from orders.domain import placing
from orders.models import Order
from orders.queries.orders import needing_staff
from orders.states import OrderState
from outbox import retries
from tests.orders.conftest import settled
from tests.providers import break_it, states, statuses


@pytest.fixture
def keys(settings: Settings) -> tuple[list[str], list[str]]:
    """Return the keys of now, and those with which nothing can be opened."""
    return settings.SEAL_KEYS, [Fernet.generate_key().decode()]


def test_an_order_goes_on_once_the_key_is_back(
    placed: Order, gateway: str, settings: Settings, keys: tuple[list[str], list[str]]
) -> None:
    right, settings.SEAL_KEYS = keys
    waiting = settled(placed, times=retries.SHORT_TRIES + 1)
    settings.SEAL_KEYS = right

    assert waiting.state == OrderState.IN_PROGRESS
    assert list(needing_staff(Order.objects.all())) == [waiting]
    assert settled(placed).state == OrderState.COMPLETED
    assert statuses(gateway) == ["captured"]


def test_the_money_goes_back_although_the_esim_cannot_be_cancelled(
    placed: Order,
    gateway: str,
    smdp: str,
    settings: Settings,
    keys: tuple[list[str], list[str]],
) -> None:
    break_it(smdp, "confirmOrder", "http_500")
    order = settled(placed)
    placing.request_cancel(order, actor=placed.account)
    right, settings.SEAL_KEYS = keys

    assert settled(order).undone_at is None
    assert (statuses(gateway), states(smdp)) == (["voided"], ["Linked"])
    settings.SEAL_KEYS = right
    assert settled(order).undone_at is not None
    assert states(smdp) == ["Unavailable"]
