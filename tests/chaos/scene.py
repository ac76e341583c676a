"""Where a fault is played: a running copy on a PostgreSQL and a Redis that nobody else uses."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from demo.guard import Guard
from tests.services import Server, postgresql, redis
from tests.stack import Stack, make_copy, running_stack

# A dead worker's lease must run out first; the default is made for calls that take longer.
SHORT = {"OUTBOX_LEASE": "4", "OUTSIDE_CALL_TIMEOUT": "1.5"}


@dataclass(frozen=True)
class Scene:
    """What there is to break; `outage` is how many seconds the long one lasts."""

    stack: Stack
    database: Server
    broker: Server
    outage: float


@contextmanager
def scene(outage: float) -> Iterator[Scene]:
    """Set everything up for as long as the context lasts."""
    with ExitStack() as held:
        guard = Guard()
        held.callback(guard.dismiss)
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        folder.chmod(0o755)
        database = held.enter_context(postgresql(folder / "postgresql", guard))
        broker = held.enter_context(redis(folder / "redis", guard))
        copy = make_copy("sqlite", folder)
        copy = replace(copy, database_url=database.url, broker_url=broker.url)
        stack = held.enter_context(running_stack(copy, SHORT))
        yield Scene(stack, database, broker, outage)
