"""The simulator's page, and the three requests of its script."""

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

from simulators.mobileplans import calls, payload, samples
from simulators.mobileplans.device import INSTALLED, Download, failure
from simulators.mobileplans.forms import LaunchForm
from simulators.mobileplans.presets import PRESETS

DOWNLOAD_TIMEOUT = 15.0
BOOKS_TIMEOUT = 5.0
SHOWN_MESSAGES = 5
ONE_STRING = "DataMart.notifyPurchaseResult"


@require_GET
@csp_update({"frame-src": [SELF]})
def simulator(request: HttpRequest) -> HttpResponse:
    """Show the simulator's page. Only this page may frame the portal."""
    context = {"form": LaunchForm(), "presets": PRESETS, "samples": samples}
    return render(request, "simulators/simulator.html", context)


@require_GET
@never_cache
def token(request: HttpRequest) -> JsonResponse:
    """Return a new CSRF token, because sign-in and sign-out in the frame invalidate the old one."""
    return JsonResponse({"token": get_token(request)})


@require_GET
@never_cache
def messages(request: HttpRequest) -> JsonResponse:
    """Return what has reached the customer's phone and mailbox, newest first, as HTML."""
    try:
        answer = httpx.get(
            f"{settings.MESSAGE_SIMULATOR_URL}/books", timeout=BOOKS_TIMEOUT, trust_env=False
        )
        delivered = answer.raise_for_status().json()["messages"]
    except (httpx.HTTPError, ValueError, KeyError):
        delivered = None
    shown = None if delivered is None else delivered[:SHOWN_MESSAGES]
    html = render_to_string("simulators/_delivered.html", {"messages": shown}, request)
    return JsonResponse({"html": html})


@require_POST
def check(request: HttpRequest) -> JsonResponse:
    """Check the arguments of one of the app's functions."""
    call = request.POST.get("call", ONE_STRING)
    if call == ONE_STRING:
        text = request.POST.get("payload", "")
        report = payload.examine(
            text,
            kind=request.POST.get("kind", "string"),
            transaction_id=request.POST.get("transactionId", ""),
        )
    else:
        text = request.POST.get("arguments", "")
        report = calls.examine(call, text)
    context = {"report": report, "text": text, "is_one_string": call == ONE_STRING}
    return JsonResponse(
        {
            "valid": report.is_valid,
            "outcome": report.outcome,
            "html": render_to_string("simulators/_received.html", context, request),
        }
    )


@require_POST
def download(request: HttpRequest) -> JsonResponse:
    """Download the profile of an activation code, as the device's LPA does."""
    attempt = Download(
        activation_code=request.POST.get("activationCode", ""),
        eid=request.POST.get("eid", ""),
        ending=request.POST.get("download", INSTALLED),
    )
    if attempt.fails_by_itself:
        return JsonResponse(failure(attempt.ending))
    try:
        answer = httpx.post(
            f"{settings.SMDP_SIMULATOR_URL}/device/download",
            json=attempt.request_body(),
            timeout=DOWNLOAD_TIMEOUT,
            trust_env=False,
        )
        body = answer.raise_for_status().json()
    except (httpx.HTTPError, ValueError):
        return JsonResponse(failure("NoSmdpAnswer"))
    return JsonResponse(body, safe=False)
