"""`moportal.web.bodies`: a body that comes in chunks is read like any other."""

import signal
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest

from demo.parts import LOOPBACK
from moportal.web.bodies import set_length
from tests.moportal.test_process_logs import FORWARDED, Process
from tests.services import free_port

LONGEST = 10
TOKEN = "token-of-the-charging-system-0123456789"


def chunked(body: bytes, **changes: Any) -> dict[str, Any]:
    return {
        "HTTP_TRANSFER_ENCODING": "chunked",
        "wsgi.input_terminated": True,
        "wsgi.input": BytesIO(body),
        **changes,
    }


@pytest.mark.parametrize("body", [b"", b"short", b"x" * LONGEST])
def test_a_chunked_body_gets_its_length(body: bytes) -> None:
    environ = chunked(body, HTTP_TRANSFER_ENCODING="Chunked")

    set_length(environ, longest=LONGEST)

    assert environ["CONTENT_LENGTH"] == str(len(body))
    assert environ["wsgi.input"].read() == body


def test_a_body_that_is_too_long_is_not_read_to_its_end() -> None:
    environ = chunked(b"x" * 1000)

    set_length(environ, longest=LONGEST)

    assert int(environ["CONTENT_LENGTH"]) == LONGEST + 1


@pytest.mark.parametrize(
    "changes",
    [
        {"CONTENT_LENGTH": "5"},
        {"HTTP_TRANSFER_ENCODING": ""},
        # The server would wait for more than the client sends.
        {"wsgi.input_terminated": False},
    ],
)
def test_any_other_body_is_left_alone(changes: dict[str, Any]) -> None:
    environ = chunked(b"short", **changes)
    before = dict(environ)

    set_length(environ, longest=LONGEST)

    assert environ == before
    assert environ["wsgi.input"].tell() == 0


@pytest.mark.processes
def test_the_api_reads_chunks_that_reach_granian_without_nginx(tmp_path: Path) -> None:
    port = free_port()
    server = ("--interface", "wsgi", "--host", LOOPBACK, "--port", str(port))
    web = Process(
        tmp_path,
        "web",
        *("granian", *server, "moportal.wsgi:application"),
        MOPORTAL_FACE="api",
        USAGE_TOKENS=f"charging:{TOKEN}",
    )
    headers = {
        **FORWARDED,
        "Authorization": f"Bearer {TOKEN}",
        "Content-Type": "application/json",
    }

    def chunks() -> Iterator[bytes]:
        yield b'{"records"'

    try:
        web.wait_for("Started worker")
        answer = httpx.post(
            f"http://{LOOPBACK}:{port}/v1/usage", content=chunks(), headers=headers, trust_env=False
        )
    finally:
        # Granian then ends its own processes too.
        web.end(signal.SIGTERM)

    # Read as empty, the body would be an object without records.
    assert (answer.status_code, answer.json()["detail"][:16]) == (400, "JSON parse error")
