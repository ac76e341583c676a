"""The WSGI application that the servers run: `moportal.server`, and granian for the API."""

import os
import re
import threading
from typing import Any

import django
import structlog
from django.conf import settings
from django.core.handlers.exception import response_for_exception
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.template.response import SimpleTemplateResponse
from django.urls import resolve, reverse

from moportal.logs.configuration import log_uncaught_exceptions
from moportal.web.bodies import set_length
from moportal.web.headers import security_headers

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "moportal.settings")


class Handler(WSGIHandler):
    """Django's handler, which also reads bodies that come in chunks."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Return the body as an iterable of bytes, which is all that WSGI requires."""
        set_length(environ, longest=settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        return super().__call__(environ, start_response)


class QuickHandler(Handler):
    """The handler with a short way to Get Balance's view.

    The short way leaves out the URL resolver, the middleware chain, and the signals of a request's
    start and end. Their receivers maintain connections and caches. Get Balance needs neither:
    `moportal.database.prepared` replaces a lost connection by itself, and no cache is used. That
    saves a sixth of a request's CPU time, PostgreSQL's included (docs/benchmarks.md).
    """

    def __init__(self) -> None:
        super().__init__()
        # The route and the view are defined only in `balance_api.urls`.
        example = reverse("balances", args=["SIM"])
        self._path = re.compile("([^/]+)".join(map(re.escape, example.split("SIM"))))
        self._balances = resolve(example).func
        self._security_headers: dict[bool, dict[str, str]] = {}

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Return the body as an iterable of bytes, which is all that WSGI requires."""
        found = self._path.fullmatch(environ.get("PATH_INFO", ""))
        if found is None:
            return super().__call__(environ, start_response)
        structlog.contextvars.clear_contextvars()
        request = WSGIRequest(environ)
        response = self._answer(request, found[1])
        body = response.content
        status = f"{response.status_code} {response.reason_phrase}"
        headers = {**self._headers_for(request), **dict(response.items())}
        # Without its length the server would send the body in chunks.
        headers["Content-Length"] = str(len(body))
        start_response(status, list(headers.items()))
        return [body]

    def _headers_for(self, request: WSGIRequest) -> dict[str, str]:
        """Return the security headers, which differ only between HTTP and HTTPS.

        The middleware sets them one by one. On each answer that would take 5 % of the CPU time.
        """
        is_secure = request.is_secure()
        if is_secure not in self._security_headers:
            self._security_headers[is_secure] = security_headers(request)
        return self._security_headers[is_secure]

    def _answer(self, request: HttpRequest, sim: str) -> HttpResponse:
        try:
            answer: HttpResponse = self._balances(request, sim=sim)
            # Only an error is DRF's Response, which has to be rendered.
            return answer.render() if isinstance(answer, SimpleTemplateResponse) else answer
        except Exception as error:  # noqa: BLE001 -- as in Django's own handler
            return response_for_exception(request, error)


def make_application() -> WSGIHandler:
    """Return the handler of this process's face."""
    if settings.FACE == "api":
        return QuickHandler()
    # A database that does not answer must not delay the start.
    threading.Thread(target=_read_contact, name="support contact", daemon=True).start()
    return Handler()


def _read_contact() -> None:
    from brand.queries import remember_contact  # noqa: PLC0415 -- models are not there at import

    try:
        remember_contact()
    finally:
        connection.close()


django.setup(set_prefix=False)
if not settings.DEMO:
    log_uncaught_exceptions()
application = make_application()
