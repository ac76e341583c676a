"""An SM-DP+ that answers word for word what a test tells it to, and keeps what it was asked."""

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from demo.parts import LOOPBACK
from tests.serving import Handler, serving


@dataclass(frozen=True)
class Asked:
    """One request as it came over the line."""

    line: str
    headers: list[tuple[str, str]]
    content: bytes

    @property
    def body(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self.content)
        return said


@dataclass(frozen=True)
class Says:
    """An answer, word for word."""

    content: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Closes:
    """No answer: the line is closed after so many seconds, or torn down."""

    after: float = 0.0
    is_torn: bool = False


Behaviour = Callable[[dict[str, Any]], Says | Closes]


def executed(fields: dict[str, Any], status: str = "Executed-Success", **codes: str) -> Says:
    execution: dict[str, Any] = {"status": status}
    if codes:
        execution["statusCodeData"] = {
            "subjectCode": codes["subject"],
            "reasonCode": codes["reason"],
            "message": "as the test has it",
        }
    said = {"header": {"functionExecutionStatus": execution}, **fields}
    return Says(json.dumps(said).encode(), headers={"Content-Type": "application/json"})


def echo(body: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a success about what was asked."""
    if "releaseFlag" in body:
        return {name: body[name] for name in ("matchingId", "eid") if name in body}
    return {"iccid": body["iccid"]} if "profileType" in body else {}


def obedient(body: dict[str, Any]) -> Says:
    return executed(echo(body))


@dataclass
class Peer:
    """The peer's address, what it says next, and what it was asked."""

    url: str = ""
    next: list[Behaviour] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    @property
    def functions(self) -> list[str]:
        return [asked.line.split()[1].rpartition("/")[2] for asked in self.asked]


@contextmanager
def answering(peer: Peer, tls: ssl.SSLContext | None = None) -> Iterator[Peer]:
    """Let the peer serve; without a word for the next call it does what it is asked."""

    class Scripted(Handler):
        def do_POST(self) -> None:  # noqa: N802 -- the name that http.server calls
            content = self.rfile.read(int(self.headers["Content-Length"]))
            asked = Asked(self.requestline, self.headers.items(), content)
            peer.asked.append(asked)
            behave = peer.next.pop(0) if peer.next else obedient
            said = behave(asked.body)
            if isinstance(said, Closes):
                self._close(said)
                return
            self.send_response_only(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said.content)))
            self.end_headers()
            self.wfile.write(said.content)

        def _close(self, how: Closes) -> None:
            threading.Event().wait(how.after)
            if how.is_torn:
                # Closing throws away what was to be sent, and resets the line.
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.connection.close()
            self.close_connection = True

    with serving(Scripted, tls) as peer.url:
        yield peer


@contextmanager
def hanging_up() -> Iterator[str]:
    """Give an https address where every connection is closed without a word of TLS."""
    with socket.create_server((LOOPBACK, 0)) as server:
        is_over = threading.Event()

        def hang_up() -> None:
            while not is_over.is_set():
                line, _from = server.accept()
                line.recv(1)
                line.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        try:
            yield f"https://{LOOPBACK}:{server.getsockname()[1]}"
        finally:
            is_over.set()
            with socket.create_connection(server.getsockname()) as last:
                last.sendall(b".")
            thread.join()
