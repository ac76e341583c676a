"""The workbench: one page, and the three things that its script asks for."""

import httpx
from csp.constants import SELF
from csp.decorators import csp_update
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from simulators.mobileplans import payload
from simulators.mobileplans.forms import LaunchForm, presets

DOWNLOAD_TIMEOUT = 15.0


@require_GET
@csp_update({"frame-src": [SELF]})
def simulator(request: HttpRequest) -> HttpResponse:
    """Show the workbench; it may frame the portal, which no other page may."""
    context = {"form": LaunchForm(), "presets": presets()}
    return render(request, "simulators/simulator.html", context)


@require_GET
@never_cache
def token(request: HttpRequest) -> JsonResponse:
    """Give a fresh CSRF token: sign-in and sign-out in the frame make the page's own stale."""
    return JsonResponse({"token": get_token(request)})


@require_POST
def check(request: HttpRequest) -> JsonResponse:
    """Examine what the app's object was given."""
    text = request.POST.get("payload", "")
    report = payload.examine(
        text,
        kind=request.POST.get("kind", "string"),
        transaction_id=request.POST.get("transactionId", ""),
    )
    context = {"report": report, "text": text}
    return JsonResponse(
        {
            "valid": report.is_valid,
            "outcome": report.outcome,
            "html": render_to_string("simulators/_received.html", context, request),
        }
    )


@require_POST
def download(request: HttpRequest) -> JsonResponse:
    """Do what the device's LPA does with an activation code, at the SM-DP+ simulator."""
    code = {name: request.POST.get(name, "") for name in ("activationCode", "eid")}
    try:
        answer = httpx.post(
            f"{settings.SMDP_SIMULATOR_URL}/device/download",
            json=code,
            timeout=DOWNLOAD_TIMEOUT,
            trust_env=False,
        )
        body = answer.raise_for_status().json()
    except (httpx.HTTPError, ValueError):
        return JsonResponse({"result": "failed", "error": "NoSmdpAnswer"})
    return JsonResponse(body, safe=False)
