"""`python -m tests.chaos.renewals.nursery`: workers of renewals, in another time.

What is given to `start` is how many seconds the workers' clock is ahead of the machine's.
"""

from datetime import UTC, datetime, timedelta

import time_machine

from tests.chaos.payments.nursery import serve
from tests.chaos.renewals.barriers import RENEWALS


def travel(ahead: str) -> None:
    """Set this process's clock this many seconds ahead of the machine's. The clock runs on."""
    later = datetime.now(UTC) + timedelta(seconds=float(ahead))
    time_machine.travel(later, tick=True).start()


if __name__ == "__main__":
    serve(RENEWALS, travel)
