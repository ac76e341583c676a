"""A proxy before a simulator that can hold back an answer: the moment in which a worker dies."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

from demo.parts import LOOPBACK

HOLD_AT_MOST = 30.0
HOP_BY_HOP = frozenset({"connection", "host", "content-length", "transfer-encoding", "date"})


class Proxy:
    """Passes every request on; keeps one answer, already given by the simulator, to itself."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.answered = threading.Event()
        self._ending = ""
        self._let_go = threading.Event()
        self._lock = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                proxy.pass_on(self)

            do_POST = do_GET  # noqa: N815 -- the name that http.server calls

            def log_message(self, *_of_request: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self.url = f"http://{LOOPBACK}:{self.server.server_port}"

    @contextmanager
    def holding(self, ending: str) -> Iterator[None]:
        """Hold the next answer to an address with this ending until the context ends."""
        with self._lock:
            self.answered.clear()
            self._let_go.clear()
            self._ending = ending
        try:
            yield
        finally:
            self._let_go.set()

    def pass_on(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("content-length") or 0))
        headers = {k: v for k, v in request.headers.items() if k.lower() not in HOP_BY_HOP}
        address = self.target + request.path
        answer = httpx.request(
            request.command, address, content=body, headers=headers, trust_env=False
        )
        if self._is_to_be_held(request.path):
            self.answered.set()
            self._let_go.wait(HOLD_AT_MOST)
        # Who asked may be dead by now.
        with suppress(OSError):
            self._give(request, answer)

    def _is_to_be_held(self, path: str) -> bool:
        with self._lock:
            is_it = bool(self._ending) and path.endswith(self._ending)
            if is_it:
                self._ending = ""
            return is_it

    @staticmethod
    def _give(request: BaseHTTPRequestHandler, answer: httpx.Response) -> None:
        request.send_response(answer.status_code)
        for name, value in answer.headers.items():
            if name.lower() not in HOP_BY_HOP:
                request.send_header(name, value)
        request.send_header("Content-Length", str(len(answer.content)))
        request.end_headers()
        request.wfile.write(answer.content)


@contextmanager
def proxy_before(target: str) -> Iterator[Proxy]:
    """Run a proxy for as long as the context lasts."""
    proxy = Proxy(target)
    thread = threading.Thread(target=proxy.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.server.shutdown()
        proxy.server.server_close()
        thread.join()
