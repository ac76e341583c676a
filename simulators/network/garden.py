"""A walled garden for a browser: a proxy that lets a SIM without a plan reach listed hosts only.

It asks the network simulator whether the SIM has a plan or a way out. It forwards plain HTTP, and
only to this machine, whatever the host's name is.
"""

import argparse
import http.client
import json
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from simulators.process import parse_web_address

LOOPBACK = "127.0.0.1"
TIMEOUT = 30
# Headers of one connection, which a proxy does not forward (RFC 9110, 7.6.1).
HOP_BY_HOP = frozenset({"connection", "proxy-connection", "keep-alive", "transfer-encoding"})
OUTSIDE = (
    b"<!DOCTYPE html><title>Walled garden</title><h1>This host is outside the walled garden</h1>"
)


class Garden(ThreadingHTTPServer):
    """The proxy of one SIM."""

    daemon_threads = True

    def __init__(self, port: int, network: str, iccid: str, listed: frozenset[str]) -> None:
        super().__init__((LOOPBACK, port), Gate)
        self.network, self.iccid, self.listed = urlsplit(network), iccid, listed

    def lets_out(self, host: str) -> bool:
        """Return whether the SIM reaches this host now."""
        return host in self.listed or self._ask("GET", "")["state"] == "open"

    def count(self, used: int) -> None:
        """Tell the network how many bytes went through the SIM's way."""
        self._ask("POST", "/traffic", json.dumps({"bytes": used}).encode())

    def _ask(self, method: str, path: str, body: bytes = b"") -> dict[str, str]:
        connection = http.client.HTTPConnection(self.network.netloc, timeout=TIMEOUT)
        try:
            connection.request(method, f"/ways/{self.iccid}{path}", body)
            answer: dict[str, str] = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return answer


class Gate(BaseHTTPRequestHandler):
    """Forwards one request, or says that its host is outside."""

    server: Garden

    def do_GET(self) -> None:
        target = urlsplit(self.path)
        host = target.hostname or ""
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if not self.server.lets_out(host):
            # RFC 6585, 6: what a network answers that lets nobody through.
            self._answer(HTTPStatus.NETWORK_AUTHENTICATION_REQUIRED, [], OUTSIDE)
            return
        status, headers, content = self._forward(target.port or 80, body)
        if host not in self.server.listed:
            self.server.count(max(1, len(body) + len(content)))
        self._answer(status, headers, content)

    do_POST = do_HEAD = do_GET  # noqa: N815 -- the names that http.server calls

    def do_CONNECT(self) -> None:
        """Refuse: what is encrypted is not part of the demo."""
        self._answer(HTTPStatus.NOT_IMPLEMENTED, [], b"")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base's name
        """Print nothing, because an address may contain secrets."""

    def _forward(self, port: int, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        target = urlsplit(self.path)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP_BY_HOP}
        connection = http.client.HTTPConnection(LOOPBACK, port, timeout=TIMEOUT)
        try:
            path = f"{target.path}?{target.query}" if target.query else target.path
            connection.request(self.command, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in {*HOP_BY_HOP, "content-length"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m simulators.network.garden", description=__doc__
    )
    parser.add_argument("--port", type=int, required=True, help="port to listen on")
    parser.add_argument("--network", type=parse_web_address, required=True, metavar="URL")
    parser.add_argument("--iccid", required=True, help="the SIM of the browser's device")
    parser.add_argument(
        "--listed", action="append", default=[], metavar="HOST", help="a host on the garden's list"
    )
    options = parser.parse_args()
    listed = frozenset(options.listed)
    garden = Garden(options.port, options.network, options.iccid, listed)
    print(f"walled garden: listening on http://{LOOPBACK}:{garden.server_port}", flush=True)
    garden.serve_forever()


if __name__ == "__main__":
    main()
