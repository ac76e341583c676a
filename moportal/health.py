"""Health probes. `GET /livez`: this process answers. `GET /readyz`: it has all that its face needs.

Both answer over plain HTTP and to any Host, because a probe asks by address. They
say nothing about other processes: the worker's heartbeat is a figure of `/readyz`,
and a late one does not fail it.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.utils.module_loading import import_string

from moportal.environment import missing_catalogues
from moportal.web.problems import RETRY_AFTER_SECONDS

PATHS = ("/livez", "/readyz")


class NotReady(Exception):
    """This process lacks something that its face needs; the message says what."""


class HealthMiddleware:
    """Answer the probes before all other middleware, which checks the Host and redirects to TLS."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path not in PATHS:
            return self.get_response(request)
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        response = JsonResponse({"alive": True}) if request.path == "/livez" else readiness()
        response.headers["Cache-Control"] = "no-store"
        return response


def readiness() -> JsonResponse:
    """Run the checks of `READINESS_CHECKS`; 503 if one fails. Figures do not change the status."""
    parts = {path: _result(import_string(path)) for path in settings.READINESS_CHECKS}
    is_ready = all(result == "ok" for result in parts.values())
    figures = {path: import_string(path)() for path in settings.READINESS_FIGURES}
    body = {"ready": is_ready, "parts": parts, "figures": figures}
    if is_ready:
        return JsonResponse(body)
    return JsonResponse(body, status=503, headers={"Retry-After": RETRY_AFTER_SECONDS})


def _result(check: Callable[[], None]) -> str:
    try:
        check()
    except NotReady as error:
        return str(error)
    return "ok"


def database() -> None:
    """Raise `NotReady` when the database does not answer."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        raise NotReady("the database does not answer") from error


def migrations() -> None:
    """Raise `NotReady` when the database lacks a migration of this version."""
    try:
        applied = MigrationRecorder(connection).applied_migrations()
    except DatabaseError as error:
        raise NotReady("the database does not answer") from error
    missing = sorted(".".join(key) for key in _migrations() - applied.keys())
    if missing:
        raise NotReady(f"not migrated: {', '.join(missing)}")


@cache
def _migrations() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)


def catalogues() -> None:
    """Raise `NotReady` when a language's texts are not compiled."""
    missing = missing_catalogues(settings.LOCALE_PATHS[0], settings.LANGUAGES)
    if missing:
        raise NotReady(f"catalogue not compiled: {', '.join(missing)}")


def static_files() -> None:
    """Raise `NotReady` when the static files are not collected, so that every page would fail."""
    if not Path(settings.STATIC_ROOT, "staticfiles.json").is_file():
        raise NotReady("static files not collected: run `manage.py collectstatic`")
