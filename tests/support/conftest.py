"""A viewer at the desk, and an order that can be found."""

import pytest
from django.test import Client

from accounts.models import User
from orders.models import Order
from tests.accounts.test_roles import make_staff
from tests.builders import make_order, make_pool, make_visit
from tests.support.searching import MATCHING_ID, TRANSACTION_ID, make_profile


@pytest.fixture
def desk(alice: User) -> Client:
    """Return a browser in which a viewer is signed in at the desk."""
    client = Client()
    client.force_login(make_staff("viewer"))
    return client


@pytest.fixture
def order(alice: User) -> Order:
    """Return an order of Alice's whose eSIM is being made."""
    visit = make_visit(account=alice, transaction_id=TRANSACTION_ID)
    order = make_order(alice, visit=visit)
    order.profile = make_profile(make_pool(1)[0], MATCHING_ID)
    order.save()
    return order
