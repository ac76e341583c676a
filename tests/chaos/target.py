"""The target of the faults: a running copy with its own PostgreSQL and Redis.

A part that ends is started again, as whoever runs the product does.
"""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from demo.guard import Guard
from tests.services import Server, postgresql, redis
from tests.stack import Stack, make_copy, running_stack

# A dead worker's lease has to run out first, and the default lease allows for longer calls.
SHORT_LEASE = {"OUTBOX_LEASE": "4", "OUTSIDE_CALL_TIMEOUT": "1.5"}


@dataclass(frozen=True)
class Target:
    """The processes that a fault can break. `outage` is the length of the long one in seconds."""

    stack: Stack
    database: Server
    broker: Server
    outage: float
    # The parts that have ended by themselves, and were started again.
    ended: list[str]


@contextmanager
def running_target(outage: float) -> Iterator[Target]:
    """Run all processes within the context."""
    with ExitStack() as contexts:
        guard = Guard()
        contexts.callback(guard.dismiss)
        folder = Path(contexts.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        folder.chmod(0o755)
        database = contexts.enter_context(postgresql(folder / "postgresql", guard))
        broker = contexts.enter_context(redis(folder / "redis", guard))
        copy = make_copy("sqlite", folder)
        copy = replace(copy, database_url=database.url, broker_url=broker.url)
        stack = contexts.enter_context(running_stack(copy, SHORT_LEASE))
        ended = contexts.enter_context(stack.restarting_what_ends())
        yield Target(stack, database, broker, outage, ended)
