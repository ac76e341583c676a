"""A proxy in front of a simulator that can pause one exchange, so that a test kills the worker."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler

import httpx

from tests.serving import Handler, serving

# In seconds. A paused exchange that nobody resumes is dropped
# then, so that its thread ends.
LONGEST_PAUSE = 180.0
# Headers of one connection, which a proxy does not forward (RFC 9110, 7.6.1), and those
# that the server sets itself.
HOP_BY_HOP = frozenset({"connection", "host", "content-length", "transfer-encoding", "date"})


class Pause:
    """One exchange to pause, named by its method and path.

    The request is paused before the simulator receives it. With `answered`, the answer is
    paused instead, after the simulator has done its work.
    """

    def __init__(self, exchange: str, *, answered: bool) -> None:
        self.exchange, self.answered = re.compile(exchange), answered
        # `reached`: the exchange waits. `_is_decided`: it was resumed or dropped.
        # `over`: the simulator has answered.
        self.reached, self._is_decided, self.over = (threading.Event() for _ in range(3))
        self._is_dropped = False

    def resume(self) -> None:
        """Let the exchange continue."""
        self._is_decided.set()

    def drop(self) -> None:
        """Drop the exchange, unless it was resumed already."""
        if not self._is_decided.is_set():
            self._is_dropped = True
            self._is_decided.set()

    def wait(self) -> bool:
        """Wait until the exchange is resumed or dropped. Return whether it continues."""
        self.reached.set()
        return self._is_decided.wait(LONGEST_PAUSE) and not self._is_dropped


class Proxy:
    """Forwards every request, except for those to pause."""

    def __init__(self, target: str) -> None:
        self.target = target
        self._pauses: list[Pause] = []
        self._lock = threading.Lock()
        proxy = self

        class Forwarding(Handler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:  # noqa: N802 -- the name that http.server calls
                proxy.forward(self)

            do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 -- the same

        self.handler, self.url = Forwarding, ""

    @contextmanager
    def pausing(self, exchange: str, *, answered: bool) -> Iterator[Pause]:
        """Pause the next exchange with this `METHOD /path`. Drop it when the context ends."""
        pause = Pause(exchange, answered=answered)
        with self._lock:
            self._pauses.append(pause)
        try:
            yield pause
        finally:
            with self._lock:
                self._pauses = [other for other in self._pauses if other is not pause]
            pause.drop()

    def forward(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("content-length") or 0))
        headers = {k: v for k, v in request.headers.items() if k.lower() not in HOP_BY_HOP}
        pause = self._pause_for(f"{request.command} {request.path}")
        if pause and not pause.answered and not pause.wait():
            request.close_connection = True
            return

        address = self.target + request.path
        answer = httpx.request(
            request.command, address, content=body, headers=headers, trust_env=False
        )

        if pause:
            pause.over.set()
        if pause and pause.answered and not pause.wait():
            request.close_connection = True
            return
        # The client may be dead by now.
        with suppress(OSError):
            self._answer(request, answer)

    def _pause_for(self, exchange: str) -> Pause | None:
        with self._lock:
            found = next(
                (pause for pause in self._pauses if pause.exchange.fullmatch(exchange)), None
            )
            if found:
                self._pauses.remove(found)
            return found

    @staticmethod
    def _answer(request: BaseHTTPRequestHandler, answer: httpx.Response) -> None:
        request.send_response(answer.status_code)
        for name, value in answer.headers.items():
            if name.lower() not in HOP_BY_HOP:
                request.send_header(name, value)
        request.send_header("Content-Length", str(len(answer.content)))
        request.end_headers()
        request.wfile.write(answer.content)


@contextmanager
def proxy_before(target: str) -> Iterator[Proxy]:
    """Run a proxy within the context."""
    proxy = Proxy(target)
    with serving(proxy.handler) as proxy.url:
        yield proxy
