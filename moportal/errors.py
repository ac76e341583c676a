"""The pages of last resort, all in the portal's frame and all with a way out."""

import sys
import uuid

import structlog
from django.conf import settings
from django.contrib import messages
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from moportal.kept_forms import keep_form
from moportal.problems import RETRY_AFTER_SECONDS, echo_transaction_id, problem_response

log = structlog.get_logger(__name__)
STORE_AWAY = (OperationalError, InterfaceError)
MACHINES = ("/v1/", "/gsma/", "/payments/")
NOT_PAGES = (*MACHINES, "/admin/", "/simulator/")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Let a form whose token is stale come back filled, with a fresh token and a sentence why.

    It is not executed. A browser without our cookie gets a page instead: it would go in circles.
    """
    is_ours = settings.CSRF_COOKIE_NAME in request.COOKIES
    if not is_ours or request.path.startswith(NOT_PAGES):
        return render(request, "403_csrf.html", {"again_url": request.get_full_path()}, status=403)
    keep_form(request)
    messages.warning(
        request, _("This page was open too long, so nothing was sent. Please send the form again.")
    )
    return HttpResponseRedirect(request.get_full_path(), status=303)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400: to machines as a problem document, to people as a page."""
    if request.path.startswith(MACHINES):
        return _told(request, problem_response(400, "Bad request", "The request cannot be read."))
    return render(request, "400.html", status=400)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404 the same two ways."""
    if request.path.startswith(MACHINES):
        answer = problem_response(404, "Not found", "There is nothing at this address.")
        return _told(request, answer)
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500 without the database or anything else that may be what has failed.

    Where it is the database that is away the answer is 503: Django comes here with whatever a view
    or any middleware has raised.
    """
    error = sys.exc_info()[1]
    if isinstance(error, STORE_AWAY):
        return _store_away(request, error)
    reference = uuid.uuid4().hex[:12]
    log.error("unhandled", reference=reference, path=request.path)
    if request.path.startswith(MACHINES):
        answer = problem_response(
            500, "Internal error", "Something failed that should not have.", reference=reference
        )
        return _told(request, answer)
    return HttpResponse(render_to_string("500.html", {"reference": reference}), status=500)


def _store_away(request: HttpRequest, error: Exception) -> HttpResponse:
    """Say that it is us, and when to come back; nothing half-done is left behind."""
    log.error("database away", path=request.path, error=str(error))
    if request.path.startswith(MACHINES):
        answer = problem_response(
            503, "Service unavailable", "The store does not answer; please try again."
        )
        response = _told(request, answer)
    else:
        response = render(None, "503.html", status=503)
    response.headers["Retry-After"] = RETRY_AFTER_SECONDS
    return response


def _told(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """Give a machine its transaction id back here too; no cache keeps what went wrong."""
    echo_transaction_id(request.META, answer)
    answer.headers["Cache-Control"] = "no-store"
    return answer
