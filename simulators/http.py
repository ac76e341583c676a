"""Requests, routes and answers, the same for every simulator."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs


class HttpRefusal(Exception):
    """A request that is answered with an HTTP error; `error` is the code in the answer."""

    def __init__(self, status: HTTPStatus, error: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error


class ConnectionDropped(Exception):
    """Raised by a fault: the server closes the connection without an answer."""


@dataclass(frozen=True)
class Request:
    """One request with its whole body. Header names are in lower case.

    `client` is the common name in the client's certificate, empty without a certificate.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    client: str = ""

    def json(self) -> dict[str, Any]:
        """Return the JSON object in the body; raises `HttpRefusal` with 400 for anything else."""
        try:
            value = json.loads(self.body or b"{}")
            # JSON allows a lone surrogate, which can be neither stored nor sent.
            json.dumps(value, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            raise HttpRefusal(HTTPStatus.BAD_REQUEST, "malformed_json") from error
        if not isinstance(value, dict):
            raise HttpRefusal(HTTPStatus.BAD_REQUEST, "not_an_object")
        return value

    def typed(self) -> dict[str, str]:
        """Return the fields of a page's form, each with its first value."""
        return {name: said[0] for name, said in parse_qs(self.body.decode("latin-1")).items()}

    @property
    def address(self) -> str:
        """Return the simulator's address as the caller used it."""
        return f"http://{self.headers.get('host', 'localhost')}"


@dataclass(frozen=True)
class Answer:
    """The answer to a request. `drip` is the seconds over which the body is sent byte by byte."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    drip: float = 0.0


def json_answer(value: object, status: int = HTTPStatus.OK) -> Answer:
    # SGP.22 v2.2, 6.5: only quotes, backslashes and control characters are escaped.
    return Answer(status, json.dumps(value, ensure_ascii=False).encode())


def html_answer(page: bytes) -> Answer:
    return Answer(HTTPStatus.OK, page, "text/html; charset=utf-8")


def see_other(url: str) -> Answer:
    return Answer(HTTPStatus.SEE_OTHER, b"", headers=(("Location", url),))


View = Callable[..., Answer]


@dataclass(frozen=True)
class Route:
    """A path as a pattern. The view receives the request and then what the groups match."""

    method: str
    pattern: re.Pattern[str]
    view: View


def route(method: str, pattern: str, view: View) -> Route:
    return Route(method, re.compile(pattern), view)


def dispatch(routes: list[Route], request: Request) -> Answer:
    """Run the view of the route that matches; raises `HttpRefusal` with 404 where none does."""
    allowed = []
    for candidate in routes:
        match = candidate.pattern.fullmatch(request.path)
        if match and candidate.method == request.method:
            return candidate.view(request, *match.groups())
        if match:
            allowed.append(candidate.method)
    if allowed:
        refusal = json_answer({"error": "method_not_allowed"}, HTTPStatus.METHOD_NOT_ALLOWED)
        return Answer(refusal.status, refusal.body, headers=(("Allow", ", ".join(allowed)),))
    raise HttpRefusal(HTTPStatus.NOT_FOUND, "not_found")
