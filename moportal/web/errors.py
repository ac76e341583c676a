"""Error answers: one page for people, in the portal's frame, and a problem document for the API."""

import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.contrib import messages
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from brand.queries import last_read
from moportal.sealed import SealKeyMissing
from moportal.web.gate import Busy
from moportal.web.kept_forms import keep_form
from moportal.web.methods import allowed_methods
from moportal.web.problems import RETRY_AFTER_SECONDS, echo_transaction_id, problem_response

log = structlog.get_logger(__name__)
DATABASE_UNAVAILABLE = (OperationalError, InterfaceError)
API_PATHS = ("/v1/", "/gsma/", "/payments/")
NOT_PORTAL_PATHS = (*API_PATHS, "/admin/", "/simulator/")
COOKIES_OF_PORTAL = {
    settings.CSRF_COOKIE_NAME,
    settings.SESSION_COOKIE_NAME,
    settings.HANDOFF_COOKIE_NAME,
}
START_AGAIN, TRY_AGAIN = gettext_lazy("Start again"), gettext_lazy("Try again")


@dataclass(frozen=True)
class ErrorPage:
    """What people read about an error: what happened, what to do, and the button that does it."""

    status: int
    title: Promise
    text: Promise
    button: Promise = START_AGAIN
    steps: tuple[Promise, ...] = ()


BAD_REQUEST = ErrorPage(
    400,
    gettext_lazy("Invalid request"),
    gettext_lazy("The address or the form contains something we can't use. Nothing was bought."),
)
FORBIDDEN = ErrorPage(
    403,
    gettext_lazy("You don't have access to this page"),
    gettext_lazy("It belongs to someone else or needs a different account."),
)
STALE_FORM = ErrorPage(
    403,
    gettext_lazy("Please send the form again"),
    gettext_lazy(
        "Your browser blocks our cookies, or the page was open too long. "
        "Nothing was sent and nothing was bought. Allow cookies, then try again."
    ),
    button=TRY_AGAIN,
)
NO_COOKIES = ErrorPage(
    403,
    gettext_lazy("Please send the form again"),
    gettext_lazy(
        "Your browser blocks our cookies, so nothing was sent and nothing was bought. "
        "Allow cookies for this site, then try again."
    ),
    button=TRY_AGAIN,
)
NOT_FOUND = ErrorPage(
    404,
    gettext_lazy("We can't find that page"),
    gettext_lazy("The page may have moved, or the link may be incomplete."),
)
INTERNAL_ERROR = ErrorPage(
    500,
    gettext_lazy("Something went wrong on our side"),
    gettext_lazy(
        "You did nothing wrong. Your choices are saved, and nothing will be bought twice."
    ),
    button=TRY_AGAIN,
    steps=(
        gettext_lazy("Wait a moment, then choose Try again."),
        gettext_lazy("If it happens again, choose Support to see how to reach us."),
    ),
)
UNAVAILABLE = ErrorPage(
    503,
    gettext_lazy("We'll be back in a moment"),
    gettext_lazy(
        "Our systems are busy or under maintenance. "
        "Nothing was lost, and nothing will be bought twice."
    ),
    button=TRY_AGAIN,
)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Show a form with a stale token again, filled in, with a fresh token and the reason.

    The form is not processed. A browser without the CSRF cookie gets an error page instead, because
    it would be redirected for ever. Django checks the token before it asks the view, so a method
    that the view does not allow is answered here.
    """
    methods = allowed_methods(request.resolver_match.func) if request.resolver_match else []
    if methods and request.method not in methods:
        return HttpResponseNotAllowed(methods)

    if request.path.startswith(NOT_PORTAL_PATHS):
        return _render_page(request, STALE_FORM, button_url=request.get_full_path())
    # A browser that sends any cookie of the portal does not block them: the page is only old.
    if not COOKIES_OF_PORTAL & request.COOKIES.keys():
        return _render_page(request, NO_COOKIES, button_url=request.get_full_path())

    keep_form(request)
    messages.warning(
        request, _("This page was open too long, so nothing was sent. Please send the form again.")
    )
    return HttpResponseRedirect(request.get_full_path(), status=303)


# Django calls the next four for the errors of any view or middleware (moportal/urls.py).
def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, BAD_REQUEST, "Bad request", "The request is malformed.")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    user = getattr(request, "user", None)
    log.warning("permission refused", path=request.path, account=user.pk if user else None)
    return _answer(request, FORBIDDEN, "Forbidden", "You do not have permission to do this.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, NOT_FOUND, "Not found", "There is nothing at this address.")


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500, or 503 if the database is unavailable or a seal key is missing.

    The answer uses neither the database nor a context processor, because either may have failed. It
    must not fail itself: otherwise Django would log that failure instead of the error.
    """
    error = sys.exc_info()[1]
    if isinstance(error, DATABASE_UNAVAILABLE):
        log.error("database unavailable", path=request.path, error=str(error))
        return _unavailable(request)
    if isinstance(error, SealKeyMissing):
        log.error("a seal key is missing: staff must act", path=request.path, error=str(error))
        return _unavailable(request)

    reference = uuid.uuid4().hex[:12]
    log.error("unhandled exception", reference=reference, path=request.path)
    detail = "An unexpected error occurred. If you report it, please include the reference."
    return _answer(
        request, INTERNAL_ERROR, "Internal server error", detail, reference=reference, is_bare=True
    )


class BusyMiddleware:
    """Answer 503 when a gate is full. That is no error, so it leaves one line and no traceback."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, Busy):
            return None
        log.warning("too busy", path=request.path)
        return _unavailable(request)


def _unavailable(request: HttpRequest) -> HttpResponse:
    detail = "The service is temporarily unavailable. Please try again later."
    response = _answer(request, UNAVAILABLE, "Service unavailable", detail, is_bare=True)
    response.headers["Retry-After"] = RETRY_AFTER_SECONDS
    return response


def _answer(
    request: HttpRequest,
    page: ErrorPage,
    title: str,
    detail: str,
    *,
    reference: str = "",
    is_bare: bool = False,
) -> HttpResponse:
    """Answer the API with a problem document that no cache keeps, and people with a page.

    A bare page uses neither the database nor a context processor.
    """
    if settings.FACE != "api" and not request.path.startswith(API_PATHS):
        return _render_page(request, page, reference=reference, is_bare=is_bare)

    members = {"reference": reference} if reference else {}
    response = problem_response(page.status, title, detail, **members)
    echo_transaction_id(request.META, response)
    response.headers["Cache-Control"] = "no-store"
    return response


def _render_page(
    request: HttpRequest,
    page: ErrorPage,
    *,
    button_url: str = "",
    reference: str = "",
    is_bare: bool = False,
) -> HttpResponse:
    if settings.FACE == "desk":
        # The desk does not serve the addresses that the portal's frame links to.
        return _plain_text(page, reference)

    context: dict[str, object] = {
        "page": page,
        "button_url": button_url or reverse("options"),
        "reference": reference,
        "is_bare": is_bare,
    }
    if not is_bare:
        return render(request, "error.html", context, status=page.status)
    try:
        context["brand"] = last_read()
        return render(None, "error.html", context, status=page.status)
    except Exception:
        # For example, the static files were not collected.
        log.exception("the page of an error failed")
        return _plain_text(page, reference)


def _plain_text(page: ErrorPage, reference: str) -> HttpResponse:
    words = _("Your reference")
    line = f"{page.title} ({words} {reference})" if reference else page.title
    return HttpResponse(f"{line}\n", status=page.status, content_type="text/plain; charset=utf-8")
