"""The HTTP/1.1 server of every simulator, with kept connections and optional TLS."""

import socket
import ssl
import sys
import time
import traceback
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from simulators.http import (
    Answer,
    ConnectionDropped,
    HttpRefusal,
    Request,
    Route,
    dispatch,
    json_answer,
)
from simulators.tls import common_name

BODY_LIMIT = 1024 * 1024
HANDSHAKE_TIMEOUT = 10


class Handler(BaseHTTPRequestHandler):
    """Reads a whole request, and sends the head and body of the answer together."""

    protocol_version = "HTTP/1.1"
    server: "Server"
    # Head and body are sent together and at once. A small second packet would
    # wait up to 40 ms for the acknowledgement of the first: Nagle's algorithm
    # waits for a delayed acknowledgement.
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024
    # Longer than any client keeps an idle connection: the server never
    # closes one during a request.
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
        """Print nothing, because a request line may contain secrets."""

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
        except Exception as error:  # noqa: BLE001 -- the server must answer
            _print_stack(error)
            answer = json_answer({"error": "internal"}, HTTPStatus.INTERNAL_SERVER_ERROR)
        self._send(answer)

    def _request(self) -> Request:
        address = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        client = common_name(self.connection)
        return Request(self.command, address.path, query, headers, self._body(), client)

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "0")
        # The server would take an unread body for the next request,
        # so it closes the connection.
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
        if answer.drip:
            self._drip(answer)
        self.wfile.write(b"" if answer.drip else answer.body)
        self.wfile.flush()

    def _drip(self, answer: Answer) -> None:
        """Send the body byte by byte, with a short wait before each byte."""
        for byte in answer.body:
            self.wfile.flush()
            time.sleep(answer.drip / len(answer.body))
            self.wfile.write(bytes([byte]))


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(
        self, host: str, port: int, routes: list[Route], context: ssl.SSLContext | None = None
    ) -> None:
        self.routes = routes
        self.context = context
        super().__init__((host, port), Handler)

    @property
    def url(self) -> str:
        host, port = self.server_address[:2]
        return f"{'https' if self.context else 'http'}://{host!s}:{port}"

    def server_bind(self) -> None:
        # HTTPServer would look up the host name. Offline, that can take seconds.
        TCPServer.server_bind(self)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self.context:
            # The handshake follows in the connection's own thread,
            # so a slow one delays no other.
            connection = self.context.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, address

    def finish_request(self, request: Any, client_address: Any) -> None:
        if not isinstance(request, ssl.SSLSocket) or _completes_handshake(request):
            super().finish_request(request, client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore a client that closed the connection; print any other error."""
        error = sys.exc_info()[1]
        if not isinstance(error, ConnectionError | TimeoutError | ssl.SSLError | None):
            _print_stack(error)


def _completes_handshake(connection: ssl.SSLSocket) -> bool:
    """Complete the TLS handshake, or print the reason and return False."""
    connection.settimeout(HANDSHAKE_TIMEOUT)
    try:
        connection.do_handshake()
    except ssl.SSLError as error:
        why = (
            getattr(error, "verify_message", "")
            or error.reason
            or "the client closed the connection"
        )
        print(f"handshake refused: {why}", file=sys.stderr, flush=True)
    except OSError:
        return False
    else:
        return True
    # A TLS 1.3 client may already have sent its request. Closing a connection with unread
    # data resets it, and the client would lose the alert that says why.
    with suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(BODY_LIMIT):
            pass
    return False


def _print_stack(error: BaseException) -> None:
    """Print the stack without the message, which may quote a card number from the request."""
    trace = "".join(traceback.format_tb(error.__traceback__))
    print(f"{trace}{type(error).__name__}", file=sys.stderr, flush=True)
