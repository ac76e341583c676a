"""Fixtures of the orders' tests: orders with a working card, and workers that process them."""

import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from django.test import Client
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import User
from orders.models import Order
from outbox.domain import RetryAfter
from payments.domain.payments import add_card
from payments.gateways.values import Card
from payments.models import PaymentMethod
from subscriptions.models import Subscription
from tests.builders import EID, make_order, make_plan, make_pool, make_visit
from tests.processing import process_task

if TYPE_CHECKING:
    from tests.orders.play import Play

APPROVED, DECLINED = "4242424242424242", "4000000000000002"
STOLEN, CUSTOMER_STEP = "4000000000009979", "4000002760003184"
Settle = Callable[[Order], Order]


def new_card(account: User, number: str = APPROVED) -> PaymentMethod:
    """Exchange a card for a token at the gateway, and store it."""
    return add_card(account, Card(number, 12, now().year + 4, "123", "Alice"))


def settled(order: Order, times: int = 1) -> Order:
    """Let a worker process the order this many times, and return the order read again."""
    for _ in range(times):
        process_task("order", order.pk)
    return Order.objects.get(pk=order.pk)


def process_once(order: Order) -> RetryAfter | None:
    """Let a worker process the order once, and return its answer."""
    return process_task("order", order.pk)


def seconds(answer: RetryAfter | None) -> float:
    """Return the delay of an answer in seconds."""
    assert answer is not None
    return answer.delay.total_seconds()


@pytest.fixture
def shopping(as_alice: Client) -> Client:
    """Return Alice's browser after a launch."""
    as_alice.get(f"/?market=US&location=US&transactionId=T1&eid={EID}")
    return as_alice


@pytest.fixture
def placed(alice: User, gateway: str, smdp: str, network: str) -> Order:
    """Return Alice's submitted order, with a card that is approved and ICCIDs in stock."""
    make_pool()
    visit = make_visit(account=alice)
    return make_order(alice, visit=visit, method=new_card(alice))


@pytest.fixture
def sell(alice: User, gateway: str, smdp: str, network: str) -> Callable[..., Subscription]:
    """Return a function that sells Alice a plan that one more device may share."""
    make_pool(4)

    def sell_plan(account: User = alice, **of_plan: Any) -> Subscription:
        plan = make_plan(**{"code": "shared", "more_devices": 1, **of_plan})
        visit = make_visit(account=account)
        order = settled(make_order(account, visit=visit, plan=plan, method=new_card(account)))
        assert order.subscription is not None
        return order.subscription

    return sell_plan


@pytest.fixture
def running(sell: Callable[..., Subscription]) -> Subscription:
    return sell()


@pytest.fixture
def services(gateway: str, smdp: str, network: str, settings: Settings) -> tuple[str, str, str]:
    """Return the addresses of the services. The gateway signs its webhooks."""
    from tests.orders.play import SECRET  # noqa: PLC0415 -- it builds on this module

    settings.PAYMENT_WEBHOOK_SECRET = SECRET
    # A play has many open orders. `tests/orders/test_limits.py` tests the limit.
    settings.ORDER_LIMIT = settings.DEVICE_ORDER_LIMIT = 0
    return gateway, smdp, network


@pytest.fixture
def begin_play(
    alice: User,
    bob: User,
    clara: User,
    services: tuple[str, str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[], "Play"]]:
    """Return a function that begins a play with empty books. A test may begin several."""
    from tests.orders.machine import Shop  # noqa: PLC0415 -- it builds on this module
    from tests.orders.play import Play  # noqa: PLC0415 -- the same

    # A worker runs only when the play says so. Logging every
    # event would be millions of lines.
    monkeypatch.setattr("outbox.domain._notify_worker", lambda *_task, **_when: None)
    logging.disable(logging.CRITICAL)
    with httpx.Client(trust_env=False) as client:
        yield lambda: Play(Shop(*services, (alice, bob), client), clara)
    logging.disable(logging.NOTSET)
