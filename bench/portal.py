"""One round of the portal: orders submitted here, one after another, and settled by its workers."""

import time

from django.db.models import Max
from django.utils.timezone import now

from bench import stock
from bench.house import House, Staff
from bench.meter import Meter, Round
from orders.domain import placing
from orders.models import Order
from orders.states import OrderState
from outbox.models import Task

# So many orders a worker before it counts: connections are opened, certificates read.
WARM_UP = 24
# Seconds in which no task is closed: something is broken.
PATIENCE = 60.0


def settle(house: House, staff: Staff, *, orders: int) -> Round:
    """Submit so many orders and wait until all are completed and their tasks closed."""
    drafts = stock.drafts(orders)
    stock.sims(orders)
    meter = Meter.of(house, workers=staff.workers, beat=[staff.beat])
    began, used = now(), time.process_time()
    placed = [placing.place(draft, version=draft.version).pk for draft in drafts]
    submitting = time.process_time() - used
    _wait_until_all_is_quiet()
    cpu = {**meter.used(), "submit": submitting}
    completed = Order.objects.filter(pk__in=placed, state=OrderState.COMPLETED)
    if completed.count() != orders:
        found = Order.objects.filter(pk__in=placed).values_list("state", "failure", "last_error")
        raise RuntimeError(f"not every order was completed: {set(found)}")
    ended = completed.aggregate(at=Max("completed_at"))["at"]
    return Round(orders, (ended - began).total_seconds(), cpu)


def _wait_until_all_is_quiet() -> None:
    """Wait for the workers, who have something to do after an order's end, too."""
    left, deadline = 0, time.monotonic() + PATIENCE
    while found := Task.objects.filter(closed_at=None).count():
        if found != left:
            left, deadline = found, time.monotonic() + PATIENCE
        if time.monotonic() > deadline:
            raise TimeoutError(f"{left} tasks stay open")
        time.sleep(0.1)
