"""Workers for the tests of the deletion: they process what is due, with the clock moved."""

from datetime import datetime, timedelta

import time_machine
from django.utils.timezone import now

from outbox.domain import due_tasks, process

WEEK = timedelta(days=7)


def work() -> None:
    """Process tasks until none is due."""
    while due := due_tasks():
        for task in due:
            process(task)


def after_the_week() -> None:
    """Let the week pass, and workers process everything that follows, also after a lease."""
    work_from(now() + WEEK + timedelta(minutes=1))


def work_from(at: datetime) -> None:
    """Process what is due at this time, and in the quarter of an hour after it."""
    for minutes in range(0, 18, 2):
        with time_machine.travel(at + timedelta(minutes=minutes), tick=False):
            work()
