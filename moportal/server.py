"""The server of pages: waitress, which passes on every byte of a header (PEP 3333).

    python -m moportal.server --port 8000

granian, which serves the face `api`, passes on a header as empty text if one of its bytes is not
ASCII. A cookie of another application of the operator's domain may have such a byte, and then
granian loses all cookies (docs/decisions/011-two-servers.md).

waitress reads a request wholly before a thread works on it, so slow senders occupy no thread. It
drops headers that have "_" in their name, because WSGI could not tell them from those with "-".
"""

import argparse
import re
import signal
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from django.http import HttpRequest
from django.utils.module_loading import import_string
from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import BaseWSGIServer, create_server
from waitress.task import ErrorTask

from moportal.web.headers import security_headers

# Open connections. The default of 100 could all be kept open by slow senders.
CONNECTIONS = 1000
# Seconds in which requests that were received are answered after the signal to stop.
PATIENCE = 10.0
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
NOT_ASCII = re.compile(rb"[\x80-\xff]")


class Parser(HTTPRequestParser):
    """Reads a request whose address has bytes outside ASCII, which waitress itself refuses."""

    def parse_header(self, header_plus: bytes) -> None:
        """Percent-encode these bytes in the first line. Decoded, the address stays the same."""
        first, end, rest = header_plus.partition(b"\r\n")
        escaped = NOT_ASCII.sub(lambda byte: b"%%%02X" % ord(byte[0]), first)
        try:
            super().parse_header(escaped + end + rest)
        except ValueError as error:
            # The host of an absolute address, such as `http://[/`.
            raise ParsingError("Bad URI") from error


class Refusal(ErrorTask):
    """The server's own answer, such as 431, with the headers of every answer."""

    def execute(self) -> None:
        # An empty request, because the server may not have been able to read this one.
        self.response_headers.extend(security_headers(HttpRequest()).items())
        super().execute()


class Channel(HTTPChannel):
    """A connection with this parser and these refusals."""

    parser_class = Parser
    error_task_class = Refusal


def make_server(application: Application, host: str, port: int, *, threads: int) -> BaseWSGIServer:
    """Return a server that already listens."""
    server = create_server(
        application,
        host=host,
        port=port,
        threads=threads,
        connection_limit=CONNECTIONS,
        # The settings say which of the proxy's headers count.
        clear_untrusted_proxy_headers=False,
        # A client that leaves is no error.
        log_socket_errors=False,
    )
    server.channel_class = Channel
    return server


def serve(server: BaseWSGIServer, stop: threading.Event) -> None:
    """Serve until `stop` is set. Then take no new connection and answer what was received."""
    while not stop.is_set():
        _poll(server)

    server.del_channel()
    server.socket.close()
    deadline = time.monotonic() + PATIENCE
    while _is_busy(server) and time.monotonic() < deadline:
        _poll(server)
    server.task_dispatcher.shutdown()
    wasyncore.close_all(server._map)  # noqa: SLF001 -- as its own `close` does


def _poll(server: BaseWSGIServer) -> None:
    # The default, select(), fails for file descriptors above 1023.
    wasyncore.loop(timeout=0.5, use_poll=True, map=server._map, count=1)  # noqa: SLF001 -- as its own `run` does


def _is_busy(server: BaseWSGIServer) -> bool:
    channels = server.active_channels.values()
    return any(channel.requests or channel.total_outbufs_len for channel in channels)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m moportal.server")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--threads", type=int, default=8, help="requests answered at once")
    options = parser.parse_args()

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_signal: stop.set())
    application = import_string("moportal.wsgi.application")
    serve(make_server(application, options.host, options.port, threads=options.threads), stop)


if __name__ == "__main__":
    main()
