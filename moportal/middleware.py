"""What every page shares: its language, its caching, its line in the log, and a calm 503."""

import time
import uuid
from collections.abc import Callable

import structlog
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation

from moportal.errors import MACHINES
from moportal.problems import problem_response

log = structlog.get_logger("moportal.request")
Handler = Callable[[HttpRequest], HttpResponse]
RETRY_AFTER_SECONDS = "5"


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


class StoreDownMiddleware:
    """Answer 503 with Retry-After while the database is away; nothing half-done is left behind."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            return self.get_response(request)
        except OperationalError as error:
            return self.store_down(request, error)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Catch it where a view raised it, before Django makes a 500 of it."""
        return self.store_down(request, error) if isinstance(error, OperationalError) else None

    def store_down(self, request: HttpRequest, error: Exception) -> HttpResponse:
        """Say that it is us, and when to come back."""
        log.error("database away", path=request.path, error=str(error))
        if request.path.startswith(MACHINES):
            response: HttpResponse = problem_response(
                503, "Service unavailable", "The store does not answer; please try again."
            )
        else:
            response = render(None, "503.html", status=503)
        response.headers["Retry-After"] = RETRY_AFTER_SECONDS
        return response
