"""Code that runs inside the portal: it tells customers something."""

import json
import secrets

from django.db import transaction

from accounts.domain.telling import tell
from messages.states import Occasion
from tests.chaos.sessions import create_customer

CONTEXT = {"number": "ABCDE-12345", "plan": "Traveller", "is_charged": False}


def tell_customers(count: int, *, is_limited: bool) -> None:
    """Tell as many customers, or two of them again and again. Print the messages' keys."""
    fewest = 2 if is_limited else count
    customers = [create_customer() for _ in range(fewest)]
    keys = [secrets.token_hex(8) for _ in range(count)]
    for number, key in enumerate(keys):
        with transaction.atomic():
            customer = customers[number % fewest]
            tell(customer, Occasion.ORDER_CANCELLED, key=key, context=CONTEXT)
    print(json.dumps(keys))
