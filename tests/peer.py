"""An SM-DP+ that sends exactly the answers a test scripts, and records its requests."""

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
class Request:
    """One request as it was received."""

    line: str
    headers: list[tuple[str, str]]
    content: bytes

    @property
    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.content)
        return body


@dataclass(frozen=True)
class Answer:
    """An answer that is sent exactly like this."""

    content: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Close:
    """No answer: the connection is closed after `after` seconds, or reset."""

    after: float = 0.0
    is_reset: bool = False


Behaviour = Callable[[dict[str, Any]], Answer | Close]


def executed(fields: dict[str, Any], status: str = "Executed-Success", **codes: str) -> Answer:
    execution: dict[str, Any] = {"status": status}
    if codes:
        execution["statusCodeData"] = {
            "subjectCode": codes["subject"],
            "reasonCode": codes["reason"],
            "message": "set by the test",
        }
    content = {"header": {"functionExecutionStatus": execution}, **fields}
    return Answer(json.dumps(content).encode(), headers={"Content-Type": "application/json"})


def echo(body: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that a successful answer repeats from the request."""
    if "releaseFlag" in body:
        return {name: body[name] for name in ("matchingId", "eid") if name in body}
    return {"iccid": body["iccid"]} if "profileType" in body else {}


def succeed(body: dict[str, Any]) -> Answer:
    return executed(echo(body))


@dataclass
class Peer:
    """The peer's address, its scripted answers, and the requests it received."""

    url: str = ""
    next: list[Behaviour] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    @property
    def functions(self) -> list[str]:
        return [request.line.split()[1].rpartition("/")[2] for request in self.requests]


@contextmanager
def answering(peer: Peer, tls: ssl.SSLContext | None = None) -> Iterator[Peer]:
    """Run the peer. Without a scripted answer, a call succeeds."""

    class Scripted(Handler):
        def do_POST(self) -> None:  # noqa: N802 -- the name that http.server calls
            content = self.rfile.read(int(self.headers["Content-Length"]))
            request = Request(self.requestline, self.headers.items(), content)
            peer.requests.append(request)
            behave = peer.next.pop(0) if peer.next else succeed
            answer = behave(request.body)
            if isinstance(answer, Close):
                self._close(answer)
                return
            self.send_response_only(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def _close(self, how: Close) -> None:
            threading.Event().wait(how.after)
            if how.is_reset:
                # With a linger time of 0, closing discards
                # pending data and resets the line.
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.connection.close()
            self.close_connection = True

    with serving(Scripted, tls) as peer.url:
        yield peer


@contextmanager
def hanging_up() -> Iterator[str]:
    """Yield an https address where every connection is closed before the TLS handshake."""
    with socket.create_server((LOOPBACK, 0)) as server:
        is_over = threading.Event()

        def hang_up() -> None:
            while not is_over.is_set():
                connection, _address = server.accept()
                connection.recv(1)
                connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        try:
            yield f"https://{LOOPBACK}:{server.getsockname()[1]}"
        finally:
            is_over.set()
            with socket.create_connection(server.getsockname()) as last:
                last.sendall(b".")
            thread.join()
