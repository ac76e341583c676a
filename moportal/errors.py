"""The pages of last resort, all in the portal's frame and all with a way out."""

import uuid

import structlog
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from moportal.problems import problem_response

log = structlog.get_logger(__name__)
MACHINES = ("/v1/", "/gsma/")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Explain a form that was not executed: its token is stale or was never ours."""
    return render(request, "403_csrf.html", {"again_url": request.get_full_path()}, status=403)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400: to machines as a problem document, to people as a page."""
    if request.path.startswith(MACHINES):
        return problem_response(400, "Bad request", "The request cannot be read.")
    return render(request, "400.html", status=400)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404 the same two ways."""
    if request.path.startswith(MACHINES):
        return problem_response(404, "Not found", "There is nothing at this address.")
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500 without the database or anything else that may be what has failed."""
    reference = uuid.uuid4().hex[:12]
    log.error("unhandled", reference=reference, path=request.path)
    if request.path.startswith(MACHINES):
        return problem_response(
            500, "Internal error", "Something failed that should not have.", reference=reference
        )
    return HttpResponse(render_to_string("500.html", {"reference": reference}), status=500)
