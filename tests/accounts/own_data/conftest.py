"""Fixtures of these tests: customers who have bought a plan, and workers that finish all tasks."""

from collections.abc import Callable

import pytest

from accounts.models import User
from orders.models import Order
from tests.builders import EID, make_order, make_plan, make_pool, make_visit
from tests.orders.conftest import new_card, settled


@pytest.fixture
def sell(gateway: str, smdp: str, network: str) -> Callable[..., Order]:
    """Return a function that sells a plan to a customer."""
    plan = make_plan()
    make_pool(4)

    def sell(account: User, *, eid: str = EID) -> Order:
        visit = make_visit(account=account, eid=eid, transaction_id=f"T{account.pk}")
        order = make_order(account, visit=visit, plan=plan, method=new_card(account))
        return settled(order)

    return sell
