"""The target of the faults: a running copy with its own PostgreSQL and Redis.

A part that ends is started again, as whoever runs the product does.
"""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from demo.guard import Guard
from demo.parts import LOOPBACK
from tests.mailbox import Mailbox, running_mailbox
from tests.services import Server, postgresql, redis
from tests.stack import Stack, make_copy, running_stack

# A dead worker's lease has to run out first, and the default lease allows for longer calls.
SHORT_LEASE = {"OUTBOX_LEASE": "4", "OUTSIDE_CALL_TIMEOUT": "1.5"}
# A thousand buyers of every fault get their messages in one hour.
MANY_SMS = 1_000_000
# The most mails to one address, and SMS to one number.
MAILS, SMS = 10, 5


@dataclass(frozen=True)
class Target:
    """The processes that a fault can break. `outage` is the length of the long one in seconds."""

    stack: Stack
    database: Server
    broker: Server
    outage: float
    # The parts that have ended by themselves, and were started again.
    ended: list[str]
    mailbox: Mailbox
    # The most messages in an hour, by the limit's name.
    limits: dict[str, int] = field(default_factory=dict)


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
        mailbox = contexts.enter_context(running_mailbox(folder))
        stack = contexts.enter_context(running_stack(copy, {**SHORT_LEASE, **_messages(mailbox)}))
        ended = contexts.enter_context(stack.restarting_what_ends())
        limits = {"mail address": MAILS, "phone number": SMS, "country": MANY_SMS}
        yield Target(stack, database, broker, outage, ended, mailbox, limits)


def _messages(mailbox: Mailbox) -> dict[str, str]:
    """Return the settings by which mail goes to a real SMTP server."""
    return {
        "MAIL_SENDER": "messages.senders.mail.Mail",
        "MAIL_URL": f"smtp://{LOOPBACK}:{mailbox.smtp_port}",
        "MAILS_PER_HOUR": str(MAILS),
        "SMS_PER_HOUR": str(SMS),
        "SMS_PER_COUNTRY_HOUR": str(MANY_SMS),
    }
