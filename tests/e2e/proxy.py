"""A proxy before a simulator that can stop one exchange: the moment in which a worker dies."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler

import httpx

from tests.serving import Handler, serving

# What nobody lets go of is lost in the end, so that no thread is left behind.
HOLD_AT_MOST = 180.0
HOP_BY_HOP = frozenset({"connection", "host", "content-length", "transfer-encoding", "date"})


class Hold:
    """One exchange to stop, by its method and path.

    Either on the way there, so that the simulator knows nothing of it yet, or, with `answered`, on
    the way back.
    """

    def __init__(self, exchange: str, *, answered: bool) -> None:
        self.exchange, self.answered = re.compile(exchange), answered
        # It is here; it has gone on; it is over, and the simulator has done what it does.
        self.reached, self._let_go, self.over = (threading.Event() for _ in range(3))
        self._is_lost = False

    def let_go(self) -> None:
        """Let it go on, late as it may be."""
        self._let_go.set()

    def lose(self) -> None:
        """Let it never arrive, if it has not gone on already."""
        if not self._let_go.is_set():
            self._is_lost = True
            self._let_go.set()

    def goes_on(self) -> bool:
        """Wait until it is known what becomes of it, and say whether it goes on."""
        self.reached.set()
        return self._let_go.wait(HOLD_AT_MOST) and not self._is_lost


class Proxy:
    """Passes every request on, but for what is to be held."""

    def __init__(self, target: str) -> None:
        self.target = target
        self._holds: list[Hold] = []
        self._lock = threading.Lock()
        proxy = self

        class Passing(Handler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:  # noqa: N802 -- the name that http.server calls
                proxy.pass_on(self)

            do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 -- the same

        self.handler, self.url = Passing, ""

    @contextmanager
    def holding(self, exchange: str, *, answered: bool) -> Iterator[Hold]:
        """Hold the next exchange whose `METHOD /path` is this; in the end it is lost."""
        hold = Hold(exchange, answered=answered)
        with self._lock:
            self._holds.append(hold)
        try:
            yield hold
        finally:
            with self._lock:
                self._holds = [other for other in self._holds if other is not hold]
            hold.lose()

    def pass_on(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("content-length") or 0))
        headers = {k: v for k, v in request.headers.items() if k.lower() not in HOP_BY_HOP}
        hold = self._hold_for(f"{request.command} {request.path}")
        if hold and not hold.answered and not hold.goes_on():
            request.close_connection = True
            return
        address = self.target + request.path
        answer = httpx.request(
            request.command, address, content=body, headers=headers, trust_env=False
        )
        if hold:
            hold.over.set()
        if hold and hold.answered and not hold.goes_on():
            request.close_connection = True
            return
        # Who asked may be dead by now.
        with suppress(OSError):
            self._give(request, answer)

    def _hold_for(self, exchange: str) -> Hold | None:
        with self._lock:
            found = next((hold for hold in self._holds if hold.exchange.fullmatch(exchange)), None)
            if found:
                self._holds.remove(found)
            return found

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
    with serving(proxy.handler) as proxy.url:
        yield proxy
