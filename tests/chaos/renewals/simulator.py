"""`python -m tests.chaos.renewals.simulator payment --port 1234`: a simulator of later days.

Its clock is ahead of all others in a run. So what it authorises does not lapse while the portal's
clock catches up.
"""

import runpy
import sys
from datetime import UTC, datetime, timedelta

import time_machine

AHEAD = timedelta(days=400)


def main() -> None:
    name, *options = sys.argv[1:]
    sys.argv = [f"simulators.{name}", *options]
    with time_machine.travel(datetime.now(UTC) + AHEAD, tick=True):
        runpy.run_module(f"simulators.{name}", run_name="__main__")


if __name__ == "__main__":
    main()
