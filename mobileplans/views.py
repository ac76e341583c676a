"""The pages the host opens: the launch and the handoff."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from accounts.access.known_browsers import has_signed_in
from mobileplans.domain import handoffs, visits
from mobileplans.domain.installation import installation_for
from mobileplans.domain.launch import parse_launch
from mobileplans.domain.lpa_errors import parse_lpa_errors
from mobileplans.models import Handoff
from mobileplans.words import MoDirectStatus
from moportal.identifiers import ActivationCode

LPA_HEADERS = ("X-MP-LPAError-Codes", "X-MP-LPAError-TimeStamps", "X-MP-LPAError-ICCIDs")


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """Begin a visit and redirect at once, so that no identifier stays in the address bar."""
    errors = parse_lpa_errors(*(_sent_header(request, name) for name in LPA_HEADERS))
    # Every launch is a new visit, even in a session that has one: the
    # device or place may differ.
    visit = visits.begin(request, parse_launch(_query_string(request)), errors)
    # A refused launch sells nothing, even if it also reports an LPA error.
    if visit.refused_as:
        step = "launch-refused"
    elif errors.is_problem:
        step = "problem"
    elif visit.account:
        step = "options"
    else:
        step = "sign-in" if has_signed_in(request) else "sign-up"
    return HttpResponseRedirect(reverse(step), status=303)


def _sent_header(request: HttpRequest, name: str) -> str:
    """Return a header as it was sent. A header that is not UTF-8 is read as latin-1."""
    raw = request.headers.get(name, "")
    try:
        # WSGI hands over the bytes as latin-1 characters (PEP 3333).
        return raw.encode("latin-1").decode()
    except UnicodeError:
        return raw


def _query_string(request: HttpRequest) -> str:
    """Return the query string as it was sent. WSGI hands it over as latin-1 (PEP 3333)."""
    raw: str = request.META.get("QUERY_STRING", "")
    return raw.encode("latin-1", errors="replace").decode("utf-8", errors="replace")


@require_safe
def refused(request: HttpRequest) -> HttpResponse:
    """Explain why the launch was refused.

    The status is 200 because the app replaces an error page with its own.
    """
    visit = visits.peek_or_begin(request)
    if not visit.refused_as:
        return HttpResponseRedirect(reverse("options"), status=303)
    if visit.refused_as == MoDirectStatus.INVALID_SIM:
        title = _("We can't use this SIM")
        text = _(
            "Windows sent us a SIM or eSIM number that we can't read or that isn't one of ours."
        )
    else:
        title = _("Something is missing")
        text = _("Windows opened this page with details that we can't read.")
    context = {
        "title": title,
        "text": text,
        "what": [
            _("Close this page, then choose the plan again in the app."),
            _("If it happens again, restart your device or contact us."),
        ],
        "reference": visit.transaction_id,
        "cancel": True,
    }
    return render(request, "mobileplans/refused.html", context)


@require_safe
def handoff(request: HttpRequest) -> HttpResponse:
    """Give the stored outcome to the host, again on each reload. It is found by its cookie."""
    stored = handoffs.find(request)
    if stored is None:
        return render(request, "mobileplans/handoff_gone.html")
    with translation.override(stored.language):
        response = render(
            request,
            "mobileplans/handoff.html",
            _handoff_context(stored, request.headers.get("User-Agent", "")),
        )
    response.headers["Content-Language"] = stored.language
    # The next person at this browser must not find this customer's data. Cookies are not cleared
    # here, because a reload finds the handoff by its cookie.
    response.headers["Clear-Site-Data"] = '"storage"'
    return response


def _handoff_context(stored: Handoff, user_agent: str) -> dict[str, object]:
    outcome = handoffs.stored_outcome(stored)
    result: dict[str, object] = {
        "success": outcome.success,
        "plan_name": outcome.plan_name,
        "iccid_last4": outcome.iccid[-4:],
        "reference": stored.reference,
        "paid": stored.paid,
        "is_open_web": stored.visit.is_open_web,
    }
    if outcome.activation_code:
        code = ActivationCode.parse(outcome.activation_code)
        result["installation"] = installation_for(code, user_agent)
    return {
        "result": result,
        "payload": outcome.payload(stored.visit.transaction_id),
        "outcome": outcome.for_newer_hosts(),
        "report_token": handoffs.report_token(stored),
    }


@csrf_exempt
@require_POST
def report(request: HttpRequest) -> HttpResponse:
    """Store what the newest app reports to the handoff page: the activation or the registration.

    The session and its CSRF token are gone by then. The page's signed token replaces them.
    """
    stored = handoffs.store_report(
        request.POST.get("token", ""), request.POST.get("kind", ""), request.POST.get("report", "")
    )
    if stored is None:
        return HttpResponse(status=400)
    return JsonResponse({"next": reverse("problem") if stored.is_problem else ""})
