"""HTTP/1.1 as every simulator serves it: routes in, one answer out, connections kept alive."""

import json
import re
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

BODY_LIMIT = 1024 * 1024


class HttpRefusal(Exception):
    """A request that is answered with an HTTP error before any function is run."""

    def __init__(self, status: HTTPStatus, error: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error


class ConnectionDropped(Exception):
    """Raised by a fault: the connection is closed and no answer is given."""


@dataclass(frozen=True)
class Request:
    """One request, its body read whole; header names are in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """Return the JSON object of the body; anything else is refused with 400."""
        try:
            value = json.loads(self.body or b"{}")
            # A lone surrogate passes as JSON but can be neither stored nor sent.
            json.dumps(value, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            raise HttpRefusal(HTTPStatus.BAD_REQUEST, "malformed_json") from error
        if not isinstance(value, dict):
            raise HttpRefusal(HTTPStatus.BAD_REQUEST, "not_an_object")
        return value


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


def json_answer(value: object, status: int = HTTPStatus.OK) -> Answer:
    # SGP.22 v2.2, 6.5: only quote, backslash and control characters are escaped.
    return Answer(status, json.dumps(value, ensure_ascii=False).encode())


View = Callable[..., Answer]


@dataclass(frozen=True)
class Route:
    """A path as a pattern; what its groups match is handed to the view after the request."""

    method: str
    pattern: re.Pattern[str]
    view: View


def route(method: str, pattern: str, view: View) -> Route:
    return Route(method, re.compile(pattern), view)


def dispatch(routes: list[Route], request: Request) -> Answer:
    """Run the view the request is for; 404 and 405 are refusals like any other."""
    allowed = []
    for candidate in routes:
        match = candidate.pattern.fullmatch(request.path)
        if match and candidate.method == request.method:
            return candidate.view(request, *match.groups())
        if match:
            allowed.append(candidate.method)
    if allowed:
        refusal = json_answer({"error": "method_not_allowed"}, HTTPStatus.METHOD_NOT_ALLOWED)
        return Answer(refusal.status, refusal.body, headers=(("Allow", ", ".join(allowed)),))
    raise HttpRefusal(HTTPStatus.NOT_FOUND, "not_found")


class Handler(BaseHTTPRequestHandler):
    """Reads a request whole, and sends head and body of its answer in one piece."""

    protocol_version = "HTTP/1.1"
    server: "Server"
    # Head and body leave together and at once: a small second packet would wait up to 40 ms for
    # the acknowledgement of the first (Nagle's algorithm against the delayed acknowledgement).
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024
    # Longer than any client keeps an idle connection, so that none is closed under a request.
    timeout = 120

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base's name
        """Print nothing: a request line may hold what must not be printed."""

    def version_string(self) -> str:
        return "simulator"

    def _serve(self) -> None:
        try:
            answer = dispatch(self.server.routes, self._request())
        except ConnectionDropped:
            self.close_connection = True
            return
        except HttpRefusal as refusal:
            answer = json_answer({"error": refusal.error}, refusal.status)
        except Exception as error:  # noqa: BLE001 -- the last resort of a server
            _print_fault(error)
            answer = json_answer({"error": "internal"}, HTTPStatus.INTERNAL_SERVER_ERROR)
        self._send(answer)

    def _request(self) -> Request:
        address = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Request(self.command, address.path, query, headers, self._body())

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "0")
        # What is not read here would be taken for the next request, so the connection ends.
        if self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            raise HttpRefusal(HTTPStatus.LENGTH_REQUIRED, "length_required")
        if not (length.isascii() and length.isdigit()):
            self.close_connection = True
            raise HttpRefusal(HTTPStatus.BAD_REQUEST, "bad_content_length")
        if int(length) > BODY_LIMIT:
            self.close_connection = True
            raise HttpRefusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large")
        return self.rfile.read(int(length))

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "no-store")
        for name, value in answer.headers:
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer.body)
        self.wfile.flush()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, host: str, port: int, routes: list[Route]) -> None:
        self.routes = routes
        super().__init__((host, port), Handler)

    @property
    def url(self) -> str:
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}"

    def server_bind(self) -> None:
        # Not the base's: it looks the host name up, which can take seconds on a machine offline.
        TCPServer.server_bind(self)

    def handle_error(self, request: object, client_address: object) -> None:
        """Pass over a client that went away; report anything else."""
        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, ConnectionError | TimeoutError):
            _print_fault(error)


def _print_fault(error: BaseException) -> None:
    """Print where it happened but not the message, which may quote what was sent (a card)."""
    trace = "".join(traceback.format_tb(error.__traceback__))
    print(f"{trace}{type(error).__name__}", file=sys.stderr, flush=True)
