"""Giving control back to the host: after sign-out, from a stored outcome (contract, section 4)."""

import hashlib
import secrets
from datetime import timedelta

import structlog
from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import get_language

from mobileplans.models import Handoff, Visit
from mobileplans.outcome import Outcome

log = structlog.get_logger(__name__)
LIFETIME = timedelta(minutes=30)


def hand_over(request: HttpRequest, visit: Visit, outcome: Outcome) -> HttpResponse:
    """Store the outcome, end the session and lead to the handoff page with a cookie of its own."""
    token = secrets.token_urlsafe(32)
    Handoff.objects.create(
        visit=visit,
        token_hash=_hash(token),
        language=get_language() or settings.LANGUAGE_CODE,
        expires_at=now() + LIFETIME,
        success=outcome.success,
        iccid=outcome.iccid,
        activation_code=outcome.activation_code or "",
        user_account=outcome.user_account,
        purchase_instrument=outcome.purchase_instrument,
        line=outcome.line,
        mo_direct_status=outcome.mo_direct_status,
        plan_name=outcome.plan_name,
    )
    log.info("handoff", success=outcome.success, status=outcome.mo_direct_status)
    logout(request)
    response = HttpResponseRedirect(reverse("handoff"), status=303)
    for name in (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME):
        # A `__Host-` cookie is only expired by one that is as secure as itself.
        response.set_cookie(
            name,
            "",
            max_age=0,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    response.set_cookie(
        settings.HANDOFF_COOKIE_NAME,
        token,
        max_age=LIFETIME,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response


def find(request: HttpRequest) -> Handoff | None:
    """Return the handoff that this browser's cookie opens, while it lives."""
    token = request.COOKIES.get(settings.HANDOFF_COOKIE_NAME, "")
    alive = Handoff.objects.select_related("visit").filter(expires_at__gt=now())
    return alive.filter(token_hash=_hash(token)).first() if token else None


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
