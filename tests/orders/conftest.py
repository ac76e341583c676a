"""What the tests of orders share: a lease to hold, and orders with a card that works."""

from collections.abc import Callable

import pytest
from django.utils.timezone import now

from accounts.models import User
from orders.models import Order
from orders.settling import settle
from outbox.domain import Lease
from outbox.models import Task
from payments.domain import add_card
from payments.gateways.base import Card
from payments.models import PaymentMethod
from tests.builders import make_order, make_pool, make_visit

APPROVED, DECLINED = "4242424242424242", "4000000000000002"
CUSTOMER_STEP = "4000002760003184"
Settle = Callable[[Order], Order]


def new_card(account: User, number: str = APPROVED) -> PaymentMethod:
    """Have a card exchanged for a token at the gateway."""
    return add_card(account, Card(number, 12, now().year + 4, "123", "Alice"))


def settled(order: Order, looks: int = 1) -> Order:
    """Let a worker look at the order so many times, and return it as it is then."""
    task = Task.objects.filter(kind="order", subject=str(order.pk)).latest("pk")
    Task.objects.filter(pk=task.pk).update(lease_token="held")
    for _ in range(looks):
        settle(str(order.pk), Lease(task.pk, "held"))
    return Order.objects.get(pk=order.pk)


@pytest.fixture
def placed(alice: User, gateway: str, smdp: str) -> Order:
    """Return Alice's order, submitted, with a card that will be approved and ICCIDs in stock."""
    make_pool()
    visit = make_visit(account=alice)
    return make_order(alice, visit=visit, method=new_card(alice))
