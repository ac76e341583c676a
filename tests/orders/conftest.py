"""What the tests of orders share: a lease to hold, and orders with a card that works."""

import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import httpx
import pytest
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import User
from orders.models import Order
from outbox.domain import RetryAfter
from payments.domain.payments import add_card
from payments.gateways.base import Card
from payments.models import PaymentMethod
from tests.builders import make_order, make_pool, make_visit
from tests.looks import looked_at

if TYPE_CHECKING:
    from tests.orders.play import Play

APPROVED, DECLINED = "4242424242424242", "4000000000000002"
CUSTOMER_STEP = "4000002760003184"
Settle = Callable[[Order], Order]


def new_card(account: User, number: str = APPROVED) -> PaymentMethod:
    """Have a card exchanged for a token at the gateway."""
    return add_card(account, Card(number, 12, now().year + 4, "123", "Alice"))


def settled(order: Order, looks: int = 1) -> Order:
    """Let a worker look at the order so many times, and return it as it is then."""
    for _ in range(looks):
        looked_at("order", order.pk)
    return Order.objects.get(pk=order.pk)


def look(order: Order) -> RetryAfter | None:
    """Let a worker look at the order once, and return when it is to look again."""
    return looked_at("order", order.pk)


def seconds(answer: RetryAfter | None) -> float:
    """Return how long it wants to wait."""
    assert answer is not None
    return answer.delay.total_seconds()


@pytest.fixture
def placed(alice: User, gateway: str, smdp: str, network: str) -> Order:
    """Return Alice's order, submitted, with a card that will be approved and ICCIDs in stock."""
    make_pool()
    visit = make_visit(account=alice)
    return make_order(alice, visit=visit, method=new_card(alice))


@pytest.fixture
def services(gateway: str, smdp: str, network: str, settings: Settings) -> tuple[str, str, str]:
    """Return the addresses of the services; the gateway signs its webhooks."""
    from tests.orders.play import SECRET  # noqa: PLC0415 -- it builds on this module

    settings.PAYMENT_WEBHOOK_SECRET = SECRET
    return gateway, smdp, network


@pytest.fixture
def begin_play(
    alice: User,
    bob: User,
    clara: User,
    services: tuple[str, str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[], "Play"]]:
    """Return what begins a play with empty books; several may follow each other in a test."""
    from tests.orders.machine import Shop  # noqa: PLC0415 -- it builds on this module
    from tests.orders.play import Play  # noqa: PLC0415 -- the same

    # A worker looks when the play says so; and a line for every event would be millions.
    monkeypatch.setattr("outbox.domain._notify_worker", lambda *_task, **_when: None)
    logging.disable(logging.CRITICAL)
    with httpx.Client(trust_env=False) as client:
        yield lambda: Play(Shop(*services, (alice, bob), client), clara)
    logging.disable(logging.NOTSET)
