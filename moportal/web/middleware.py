"""Middleware for every page: log line, language, cache and permission headers."""

import time
import uuid
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse
from django.utils import translation

from moportal.text.accept_language import choose_language

log = structlog.get_logger("moportal.request")
Handler = Callable[[HttpRequest], HttpResponse]


class LogContextMiddleware:
    """Begin each request with a log context of its own, before anything can log.

    Threads are reused. Without this, a request that is refused early would be logged with
    the visit of the request before it.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        begin_log_context()
        return self.get_response(request)


def begin_log_context() -> None:
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=uuid.uuid4().hex[:12])


class RequestLogMiddleware:
    """Log one line for each request: method, path, status, milliseconds.

    The query is not logged, because a launch carries the device's identifiers in it.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.monotonic()
        response = self.get_response(request)
        milliseconds = round((time.monotonic() - started) * 1000)
        log.info(
            "request",
            method=request.method,
            path=request.path,
            status=response.status_code,
            ms=milliseconds,
        )
        return response


class LanguageMiddleware:
    """Activate the language chosen in the menu, else the account's, else the browser's.

    LANGUAGE_CODE comes last. Source: docs/contract.md#launch.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        chosen = request.session.get("language")
        if not chosen and request.user.is_authenticated:
            chosen = request.user.language
        language = chosen or choose_language(request.headers.get("Accept-Language", ""))
        with translation.override(language):
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", translation.get_language() or "en")
        return response


class PageHeadersMiddleware:
    """Forbid caches to store pages, which depend on a visit (docs/contract.md#nothing-is-lost)."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        return response
