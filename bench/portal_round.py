"""One round of the portal: this process submits orders in turn, and the workers settle them."""

import time
from datetime import datetime

from django.db.models import Max
from django.utils.timezone import now

from bench import order_data
from bench.meter import Meter, Round
from bench.product import Product, Workers
from orders.domain import placing
from orders.models import Order
from orders.states import OrderState
from outbox.models import Task

# Orders for each worker before the measurement: they open
# connections and read certificates.
WARM_UP = 24
# In seconds. If no task is closed for this long, something is broken.
PATIENCE = 60.0


def run_portal_round(product: Product, workers: Workers, *, orders: int) -> Round:
    """Submit `orders` orders, and wait until all are completed and their tasks are closed."""
    drafts = order_data.create_drafts(orders)
    order_data.create_sims(orders)
    meter = Meter.of(product, workers=workers.pids, beat=[workers.beat])

    # The workers already settle the first orders while this process submits later ones.
    began, used = now(), time.process_time()
    placed = [placing.place(draft, version=draft.version).pk for draft in drafts]
    submitting = time.process_time() - used

    _wait_until_tasks_are_closed()
    cpu = {**meter.used(), "submit": submitting}
    ended = _last_completion(placed)
    return Round(orders, (ended - began).total_seconds(), cpu)


def _wait_until_tasks_are_closed() -> None:
    """Wait until every task is closed. Some work remains after an order has ended."""
    left, deadline = 0, time.monotonic() + PATIENCE
    while found := Task.objects.filter(closed_at=None).count():
        if found != left:
            left, deadline = found, time.monotonic() + PATIENCE
        if time.monotonic() > deadline:
            raise TimeoutError(f"{left} tasks stay open")
        time.sleep(0.1)


def _last_completion(placed: list[int]) -> datetime:
    """Return when the last order was completed. Raises `RuntimeError` if one was not."""
    mine = Order.objects.filter(pk__in=placed)
    completed = mine.filter(state=OrderState.COMPLETED)
    if completed.count() != len(placed):
        found = mine.values_list("state", "failure", "last_error")
        raise RuntimeError(f"not every order was completed: {set(found)}")
    at: datetime = completed.aggregate(at=Max("completed_at"))["at"]
    return at
