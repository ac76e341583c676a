"""`moportal.web.bodies`: a body that comes in chunks is read like any other."""

from io import BytesIO
from typing import Any

import pytest

from moportal.web.bodies import set_length

LONGEST = 10


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
