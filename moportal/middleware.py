"""What every page shares: its language, its caching, its line in the log."""

import time
import uuid
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse
from django.utils import translation

log = structlog.get_logger("moportal.request")
Handler = Callable[[HttpRequest], HttpResponse]


class RequestLogMiddleware:
    """Log one line a request: method, path without its query, status, milliseconds.

    The query never reaches the log: at launch it holds the device's identifiers.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        structlog.contextvars.bind_contextvars(request_id=uuid.uuid4().hex[:12])
        started = time.monotonic()
        response = self.get_response(request)
        if request.path != "/healthz":
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
    """Choose the language: this visit's menu, then the account's, then Accept-Language.

    Contract, section 2. Django's own reading of Accept-Language knows quality values and falls
    back by region (`en-GB` to `en`); the operator's default comes last.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        chosen = request.session.get("language")
        if not chosen and request.user.is_authenticated:
            chosen = request.user.language
        language = chosen or translation.get_language_from_request(request)
        with translation.override(language):
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", translation.get_language() or "en")
        return response


class PageHeadersMiddleware:
    """Pages that depend on a visit are never kept by a cache (contract, section 3)."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault(
            "Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
        )
        return response
