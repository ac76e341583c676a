"""An HTTP server that runs during a test, for behaviour that no simulator offers."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from demo.parts import LOOPBACK


class Handler(BaseHTTPRequestHandler):
    """A request handler that logs nothing."""

    def log_message(self, *_arguments: object) -> None:
        """Log nothing."""


@contextmanager
def serving(
    handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """Serve on a free port and yield the address. All threads have ended afterwards."""
    with ThreadingHTTPServer((LOOPBACK, 0), handler) as server:
        # Closing the server waits for its request threads only if
        # they are not daemon threads.
        server.daemon_threads = False
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            scheme = "https" if tls else "http"
            yield f"{scheme}://{LOOPBACK}:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
