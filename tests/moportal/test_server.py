"""`moportal.server`: what reaches the application, and what the server answers itself."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from waitress.server import BaseWSGIServer

from demo.parts import LOOPBACK
from moportal.server import make_server, serve
from tests.moportal.test_headers import HEADERS, POLICY

THREADS = 2


def show(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Answer what the server passed on, as WSGI's applications get it."""
    body = environ["wsgi.input"].read()
    kept = {name: text for name, text in environ.items() if name.startswith("HTTP_")}
    names = ("QUERY_STRING", "PATH_INFO", "CONTENT_LENGTH")
    kept |= {name: environ.get(name, "") for name in names} | {"body": body.decode()}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(kept).encode()]


class Running:
    """A server in a thread, and connections to it."""

    def __init__(self, server: BaseWSGIServer) -> None:
        self.server = server
        self.stop = threading.Event()
        self.port = int(server.effective_port)
        self._thread = threading.Thread(target=serve, args=(server, self.stop))
        self._thread.start()

    def connect(self, sent: bytes = b"") -> socket.socket:
        line = socket.create_connection((LOOPBACK, self.port), timeout=20)
        line.sendall(sent)
        return line

    def ask(self, first: bytes = b"GET / HTTP/1.1", *headers: bytes, body: bytes = b"") -> bytes:
        lines = [first, b"Host: portal.example", b"Connection: close", *headers, b"", body]
        with self.connect(b"\r\n".join(lines)) as line:
            return line.makefile("rb").read()

    def shown(self, *request: bytes, body: bytes = b"") -> dict[str, str]:
        shown: dict[str, str] = json.loads(self.ask(*request, body=body).partition(b"\r\n\r\n")[2])
        return shown

    def wait_until_received(self, requests: int) -> None:
        deadline = time.monotonic() + 20
        while sum(len(one.requests) for one in self._channels()) < requests:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def _channels(self) -> list[Any]:
        return list(self.server.active_channels.values())

    def end(self) -> None:
        self.stop.set()
        self._thread.join()


@pytest.fixture
def running() -> Iterator[Running]:
    started = Running(make_server(show, LOOPBACK, 0, threads=THREADS))
    yield started
    started.end()


def test_every_byte_of_a_header_is_passed_on(running: Running) -> None:
    """PEP 3333: as Latin-1, so that each character stands for one byte."""
    cookie = "session=abc; promo=größe".encode()

    shown = running.shown(b"GET / HTTP/1.1", b"Cookie: " + cookie, b"X-Odd: \xff\xfe")

    assert shown["HTTP_COOKIE"].encode("latin-1") == cookie
    assert shown["HTTP_X_ODD"].encode("latin-1") == b"\xff\xfe"


def test_bytes_outside_ascii_in_an_address_are_as_if_percent_encoded(running: Running) -> None:
    shown = running.shown("GET /größe/?transactionId=ü-1 HTTP/1.1".encode())

    assert shown["PATH_INFO"].encode("latin-1") == "/größe/".encode()
    assert shown["QUERY_STRING"] == "transactionId=%C3%BC-1"


@pytest.mark.parametrize(
    "headers",
    [
        [b"X_Client_Certificate: own", b"X-Client-Certificate: proxys"],
        [b"X-Client-Certificate: proxys", b"X_Client_Certificate: own"],
    ],
)
def test_a_header_with_an_underscore_is_dropped(headers: list[bytes], running: Running) -> None:
    shown = running.shown(b"GET / HTTP/1.1", *headers)

    assert shown["HTTP_X_CLIENT_CERTIFICATE"] == "proxys"


def test_what_the_proxy_says_of_the_connection_is_passed_on(running: Running) -> None:
    shown = running.shown(b"GET / HTTP/1.1", b"X-Forwarded-Proto: https")

    assert shown["HTTP_X_FORWARDED_PROTO"] == "https"


def test_a_chunked_body_is_read(running: Running) -> None:
    chunks = b"5\r\nhello\r\n0\r\n\r\n"

    shown = running.shown(b"POST / HTTP/1.1", b"Transfer-Encoding: chunked", body=chunks)

    assert (shown["body"], shown["CONTENT_LENGTH"]) == ("hello", "5")


def test_slow_bodies_occupy_no_thread(running: Running) -> None:
    begun = b"POST / HTTP/1.1\r\nHost: portal.example\r\nContent-Length: 9\r\n\r\nslow"
    slow = [running.connect(begun) for _ in range(THREADS * 4)]

    assert running.shown()["PATH_INFO"] == "/"
    for line in slow:
        line.close()


@pytest.mark.parametrize(
    ("request_line", "header", "status"),
    [
        (b"NO SUCH THING AT ALL", b"X: y", b"400"),
        (b"GET / HTTP/1.1", b"No colon", b"400"),
        (b"GET http://[/ HTTP/1.1", b"X: y", b"400"),
        (b"GET / HTTP/1.1", b"X-Long: " + b"x" * (2**18 - 69), b"431"),
        (b"POST / HTTP/1.1", b"Transfer-Encoding: zip", b"501"),
    ],
)
def test_the_servers_own_answers_have_the_headers(
    request_line: bytes, header: bytes, status: bytes, running: Running
) -> None:
    head = running.ask(request_line, header).partition(b"\r\n\r\n")[0].decode()

    lines = dict(line.split(": ", 1) for line in head.splitlines()[1:])
    assert head.split()[1].encode() == status
    assert {name: lines.get(name) for name in HEADERS} == HEADERS
    assert all(part in lines["Content-Security-Policy"] for part in POLICY)


def test_a_request_that_was_received_is_answered_after_the_signal_to_stop() -> None:
    has_begun, may_end = threading.Event(), threading.Event()

    def wait(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        has_begun.set()
        may_end.wait()
        return show(environ, start_response)

    running = Running(make_server(wait, LOOPBACK, 0, threads=1))
    lines = [running.connect(b"GET / HTTP/1.0\r\n\r\n") for _ in range(2)]
    has_begun.wait()
    running.wait_until_received(2)
    running.stop.set()
    may_end.set()
    answers = [line.makefile("rb").read() for line in lines]
    running.end()
    for line in lines:
        line.close()

    assert [answer.split()[1] for answer in answers] == [b"200", b"200"]
    with pytest.raises(ConnectionRefusedError):
        running.connect()
