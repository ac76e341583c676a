"""A real SMTP server as a process, and the books and faults of what it has accepted.

    python -m tests.mailbox --port 8005 --smtp-port 8025

Over HTTP it has the books and the faults of `python -m simulators.messages`. A mail's identifier is
the local part of its Message-ID, and each accepted copy is a call in the books. The SMTP server is
aiosmtpd.
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from demo.health import answer
from demo.parts import LOOPBACK, Part
from demo.supervisor import Supervisor
from simulators.fault_kinds import KINDS
from simulators.faults import Faults
from simulators.http import json_answer, route
from simulators.messages.books import SCHEMA, Books
from simulators.process import argument_parser, serve
from simulators.store import Store
from tests.services import free_port

READY_WITHIN = 30.0
# The kinds of `simulators.fault_kinds` that mean something in SMTP.
KNOWN = ("drop_before", "drop_after", "delay", "http")


@dataclass(frozen=True)
class Handler:
    """Accepts each mail, unless a fault strikes."""

    books: Books
    faults: Faults

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 -- aiosmtpd's name
        fault = self.faults.take("send")
        kind = fault.fault if fault else ""
        if kind == "http":
            return "451 try later"
        if kind != "drop_before":
            self._accept(envelope)
        if fault and kind == "delay":
            await asyncio.sleep(fault.seconds)
        if kind.startswith("drop"):
            assert server.transport is not None
            server.transport.close()
        return "250 OK"

    def _accept(self, envelope: Envelope) -> None:
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content)
        message: dict[str, Any] = {
            "id": mail["Message-ID"].strip("<>").partition("@")[0],
            "to": envelope.rcpt_tos[0],
            "subject": mail["Subject"],
            "text": envelope.content.decode(errors="replace"),
            "language": mail["Content-Language"],
        }
        with self.books.transaction():
            self.books.deliver(message)


def main() -> None:
    parser = argument_parser("tests.mailbox", str(__doc__))
    parser.add_argument("--smtp-port", type=int, required=True, help="port of the mail server")
    options = parser.parse_args()
    store = Store(options.store, SCHEMA)
    books = Books(store)
    faults = Faults({"send": [kind for kind in KINDS if kind in KNOWN]}, options.seed)
    routes = [
        route("GET", "/books", lambda _request: json_answer(books.shown())),
        route("GET", "/healthz", lambda _request: json_answer({"status": "ok"})),
        *faults.routes(),
    ]
    controller = Controller(Handler(books, faults), hostname=options.host, port=options.smtp_port)
    controller.start()
    try:
        serve("mailbox", options, routes, store)
    finally:
        controller.stop()


@dataclass(frozen=True)
class Mailbox:
    """The addresses of a running mailbox: of its books, and of its mail server."""

    url: str
    smtp_port: int


@contextmanager
def running_mailbox(folder: Path) -> Iterator[Mailbox]:
    """Run a mailbox within the context."""
    said: list[str] = []
    port, smtp_port = free_port(), free_port()
    options = ["--port", str(port), "--smtp-port", str(smtp_port)]
    options += ["--store", str(folder / "mailbox.sqlite3")]
    supervisor = Supervisor(environment={}, say=lambda _, line: said.append(line))
    supervisor.start([Part("mailbox", (sys.executable, "-m", "tests.mailbox", *options))])
    mailbox = Mailbox(f"http://{LOOPBACK}:{port}", smtp_port)
    try:
        deadline = time.monotonic() + READY_WITHIN
        while answer(mailbox.url)[0] != 200:
            if time.monotonic() > deadline:
                raise RuntimeError("\n".join(["the mailbox is not there", *said]))
            time.sleep(0.05)
        yield mailbox
    finally:
        supervisor.stop()


if __name__ == "__main__":
    main()
