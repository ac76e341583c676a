"""`python -m tests.chaos.renewals.nursery`: workers of renewals, in another time.

What is given to `start` is how many seconds the workers' clock is ahead of the machine's.
"""

from datetime import UTC, datetime, timedelta

import time_machine
from time_machine import escape_hatch

from tests.chaos.payments.nursery import serve
from tests.chaos.renewals.barriers import RENEWALS

# The clock of a worker, once it has been set.
CLOCK: list[time_machine.Traveller] = []


def travel(ahead: str) -> None:
    """Set this process's clock this many seconds ahead of the machine's. The clock runs on."""
    if not CLOCK:
        CLOCK.append(time_machine.travel(datetime.now(UTC), tick=True).start())
    on_the_machine = escape_hatch.datetime.datetime.now(UTC)
    CLOCK[0].move_to(on_the_machine + timedelta(seconds=float(ahead)))


if __name__ == "__main__":
    serve(RENEWALS, travel)
