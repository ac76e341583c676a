"""`moportal.http_client`: the limits of every call, and its errors."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
from django.core.exceptions import ImproperlyConfigured

from moportal import http_client
from moportal.http_client import (
    HTTPCORE_ERRORS,
    LARGEST_ANSWER,
    Reply,
    check_address,
    exchange,
)
from tests.services import free_port
from tests.serving import Handler, serving


class OddServer(Handler):
    """Answers byte by byte, without end, or with a redirect."""

    def do_GET(self) -> None:  # noqa: N802 -- the name that http.server calls
        with suppress(OSError):
            getattr(self, f"_{self.path.strip('/')}")()

    def _drip(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        for _ in range(40):
            self.wfile.write(b".")
            time.sleep(0.1)

    def _flood(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"." * (LARGEST_ANSWER + 100_000))

    def _wait(self) -> None:
        time.sleep(0.8)

    def _elsewhere(self) -> None:
        self.send_response(302)
        self.send_header("Location", "http://127.0.0.1:9/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _hang_up(self) -> None:
        self.close_connection = True

    def do_POST(self) -> None:  # noqa: N802 -- the same
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        echoed = [self.headers[name] for name in ("X-Name", "User-Agent", "Accept-Encoding")]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(" ".join(echoed).encode() + b" " + sent)


def with_subclasses(errors: tuple[type[Exception], ...]) -> list[type[Exception]]:
    return [subclass for error in errors for subclass in (error, *error.__subclasses__())]


@pytest.fixture
def odd() -> Iterator[str]:
    """Return the address of an `OddServer`."""
    with serving(OddServer) as url:
        yield url


def test_a_slow_answer_is_cut_off_in_time(odd: str) -> None:
    started = time.monotonic()

    with pytest.raises(httpx.ReadTimeout):
        exchange("GET", f"{odd}/drip", within=0.5)

    assert time.monotonic() - started < 3


def test_a_slow_connection_leaves_less_time_for_the_answer(
    odd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.create_connection

    def slow(*arguments: Any, **options: Any) -> socket.socket:
        time.sleep(0.3)
        return real(*arguments, **options)

    monkeypatch.setattr(socket, "create_connection", slow)
    started = time.monotonic()

    with pytest.raises(httpx.ReadTimeout):
        exchange("GET", f"{odd}/wait", within=0.5)

    assert 0.45 < time.monotonic() - started < 0.75


def test_an_endless_answer_is_cut_off(odd: str) -> None:
    with pytest.raises(httpx.DecodingError):
        exchange("GET", f"{odd}/flood", within=5)


def test_a_redirect_is_not_followed(odd: str) -> None:
    assert exchange("GET", f"{odd}/elsewhere", within=5).status == 302


def test_the_environments_proxies_and_authorities_are_ignored(
    odd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("SSL_CERT_FILE", os.devnull)
    monkeypatch.setattr(http_client, "_pools", {})

    assert exchange("GET", f"{odd}/elsewhere", within=5).status == 302


def test_an_unreachable_server_raises_the_error_of_httpx() -> None:
    with pytest.raises(httpx.ConnectError):
        exchange("GET", f"http://127.0.0.1:{free_port()}/", within=5)


def test_a_connection_that_ends_without_an_answer_raises_the_error_of_httpx(odd: str) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        exchange("GET", f"{odd}/hang_up", within=5)


def test_every_error_of_httpcore_has_a_namesake_in_httpx() -> None:
    namesakes = [getattr(httpx, error.__name__) for error in with_subclasses(HTTPCORE_ERRORS)]

    assert all(issubclass(error, httpx.HTTPError) for error in namesakes)


def test_headers_and_content_arrive_unchanged(odd: str) -> None:
    sent = '{"name": "Ärger"}'.encode()

    reply = exchange("POST", f"{odd}/echo", within=5, headers={"X-Name": "1"}, content=sent)

    assert reply == Reply(200, b"1 moportal identity " + sent)


@pytest.mark.parametrize(
    "url", ["https://smdp.example", "http://127.0.0.1:8001", "http://localhost/x", "http://[::1]"]
)
def test_https_may_go_anywhere_and_http_only_to_loopback(url: str) -> None:
    assert check_address(f"{url}/", name="SMDP_URL") == url


WRONG = [
    "",
    "http://smdp.example",
    "ftp://127.0.0.1",
    "http://10.0.0.1",
    "https://",
    "https://[::1",
    "https://smdp.example:port",
]


@pytest.mark.parametrize("url", WRONG)
def test_any_other_address_raises_an_error_that_says_how_to_fix_it(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"SMDP_URL is .*: give an https"):
        check_address(url, name="SMDP_URL")
