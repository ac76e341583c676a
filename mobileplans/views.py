"""Where the host comes in and where it is given back control."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from mobileplans import handoffs, launch, visits
from mobileplans.models import Handoff
from mobileplans.words import MoDirectStatus
from moportal.identifiers import ActivationCode


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """Read the launch and leave its address at once: identifiers never stay in one."""
    visit = visits.begin(request, launch.read(_query_string(request)))
    first_step = "options" if visit.account else "sign-in"
    step = "launch-refused" if visit.refused_as else first_step
    return HttpResponseRedirect(reverse(step), status=303)


def _query_string(request: HttpRequest) -> str:
    """Return the query as it was sent: WSGI hands over raw bytes dressed as latin-1."""
    raw: str = request.META.get("QUERY_STRING", "")
    return raw.encode("latin-1", errors="replace").decode("utf-8", errors="replace")


@require_safe
def refused(request: HttpRequest) -> HttpResponse:
    """Say what was wrong with the launch, with status 200: the app hides a page with another."""
    visit = visits.current(request)
    if not visit.refused_as:
        return HttpResponseRedirect(reverse("options"), status=303)
    if visit.refused_as == MoDirectStatus.INVALID_SIM:
        title = _("We can't use this SIM")
        text = _("Windows told us about a SIM or eSIM that we can't read or that isn't ours.")
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
    """Give the stored outcome to the host; a reload gives it again, without the cookie nothing."""
    found = handoffs.find(request)
    if found is None:
        return render(request, "mobileplans/handoff_gone.html")
    with translation.override(found.language):
        response = render(request, "mobileplans/handoff.html", _handoff_context(found))
    response.headers["Content-Language"] = found.language
    response.headers["Clear-Site-Data"] = '"storage"'
    return response


def _handoff_context(found: Handoff) -> dict[str, object]:
    outcome = found.outcome
    if outcome.success:
        title = _("Your plan is ready")
        text = _("Your device takes over from here. You are signed out.")
    else:
        title, text = _("You have left"), _("Nothing was bought, and you are signed out.")
    result: dict[str, object] = {
        "success": outcome.success,
        "title": title,
        "text": text,
        "plan_name": outcome.plan_name,
        "iccid_last4": outcome.iccid[-4:],
    }
    if outcome.activation_code:
        code = ActivationCode.parse(outcome.activation_code)
        result |= {
            "activation_code": str(code),
            "smdp_address": code.smdp_host,
            "matching_id": code.matching_id,
        }
    return {"result": result, "payload": outcome.payload(found.visit.transaction_id)}
