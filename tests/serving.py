"""A server for the length of a test, where neither simulator behaves oddly enough."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from demo.parts import LOOPBACK


class Handler(BaseHTTPRequestHandler):
    """Keeps silent: the test talks."""

    def log_message(self, *_said: object) -> None:
        """Say nothing."""


@contextmanager
def serving(
    handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """Serve on a free port and give the address; every thread has ended afterwards."""
    with ThreadingHTTPServer((LOOPBACK, 0), handler) as server:
        # Closing waits for the threads that answer only where they are none of the daemon kind.
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
