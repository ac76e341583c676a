"""An operator that receives the notifications of an SM-DP+."""

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest


@dataclass
class Operator:
    """The notifications received, in their order: path, body, and the client certificate's name."""

    url: str = ""
    # The statuses of the next answers. Later answers are 204, as in the standard.
    statuses: list[int] = field(default_factory=list)
    received: list[tuple[str, bytes, str]] = field(default_factory=list)

    def receive(self, number: int) -> list[dict[str, Any]]:
        """Wait for this number of notifications, and return their messages."""
        deadline = time.monotonic() + 5
        while len(self.received) < number:
            if time.monotonic() > deadline:
                pytest.fail(f"the operator received {len(self.received)} notifications")
            time.sleep(0.02)
        return [httpx.Response(200, content=body).json() for _path, body, _client in self.received]

    def points(self, number: int) -> list[tuple[int, str]]:
        """Wait for this number of notifications, and return their points with code or success."""
        return [
            (message["notificationPointId"], _code(message["notificationPointStatus"]))
            for message in self.receive(number)
        ]


@contextmanager
def listening(context: ssl.SSLContext | None = None) -> Iterator[Operator]:
    operator = Operator()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            operator.received.append((self.path, body, _common_name(self.connection)))
            self.send_response(operator.statuses.pop(0) if operator.statuses else 204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base's name
            """Keep the test's output quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https" if context else "http"
        operator.url = f"{scheme}://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield operator
        server.shutdown()
        thread.join()


def _code(status: dict[str, Any]) -> str:
    if status["status"] == "Executed-Success":
        return "success"
    coded = status["statusCodeData"]
    return f"{coded['subjectCode']}/{coded['reasonCode']}"


def _common_name(connection: Any) -> str:
    shown = connection.getpeercert() if isinstance(connection, ssl.SSLSocket) else None
    return "".join(part[0][1] for part in (shown or {}).get("subject", ()))
