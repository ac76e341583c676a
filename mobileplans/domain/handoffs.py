"""The handoff: the outcome is stored, the session ends, and the host takes over.

The rules are in docs/contract.md#handoff.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

import structlog
from django.conf import settings
from django.contrib.auth import logout
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import get_language

from accounts.domain.sign_in import signed_in_customer
from accounts.models import User
from mobileplans.domain.lpa_errors import find_lpa_code, parse_app_report
from mobileplans.domain.outcome import Outcome
from mobileplans.models import Handoff, HostReport, LpaReport, Visit
from mobileplans.words import LineResult, LpaCode, MoDirectStatus, PurchaseInstrument, UserAccount
from moportal.money import Money

log = structlog.get_logger(__name__)
LIFETIME = timedelta(minutes=30)
# The longest text of a report, in characters, and the most reports for one handoff.
LONGEST_REPORT, MOST_REPORTS = 1000, 20
REPORT_SALT = "mobileplans.host-report"


@dataclass(frozen=True)
class Purchase:
    """The order that the handoff page shows in a browser, and what this visit paid for it."""

    reference: str = ""
    paid: Money | None = None


def hand_over(
    request: HttpRequest, visit: Visit, outcome: Outcome, purchase: Purchase | None = None
) -> HttpResponse:
    """Store the outcome, end the session and redirect to the handoff page with its own cookie."""
    # The outcome is stored before the session ends. If that fails, the customer can try again.
    token = secrets.token_urlsafe(32)
    _store(visit, signed_in_customer(request), outcome, purchase or Purchase(), token)
    log.info("handoff", success=outcome.success, status=outcome.mo_direct_status)

    response = hand_over_again(request)
    _set_cookie(response, settings.HANDOFF_COOKIE_NAME, token, max_age=LIFETIME)
    return response


def hand_over_again(request: HttpRequest) -> HttpResponse:
    """End the session and redirect to the handoff page that the browser's cookie opens.

    The cookie keeps its expiry, so the result does not stay visible for longer.
    """
    logout(request)
    response = HttpResponseRedirect(reverse("handoff"), status=303)
    # `logout` ends the session but leaves its cookies, which must not stay in a shared browser.
    for name in (
        settings.SESSION_COOKIE_NAME,
        settings.CSRF_COOKIE_NAME,
        settings.KEPT_FORM_COOKIE_NAME,
        settings.OIDC_COOKIE_NAME,
    ):
        _set_cookie(response, name, "", max_age=timedelta())
    return response


def _store(
    visit: Visit, owner: User | None, outcome: Outcome, purchase: Purchase, token: str
) -> None:
    paid = purchase.paid
    Handoff.objects.create(
        visit=visit,
        account=owner,
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
        on_esim=outcome.on_esim,
        reference=purchase.reference,
        paid_minor_units=paid.minor_units if paid else None,
        currency=paid.currency if paid else "",
    )


def _set_cookie(response: HttpResponse, name: str, value: str, *, max_age: timedelta) -> None:
    """Set a cookie. With `max_age` zero, delete it.

    A browser deletes a `__Host-` cookie only if the deletion is marked as secure.
    """
    response.set_cookie(
        name,
        value,
        max_age=max_age,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def find(request: HttpRequest) -> Handoff | None:
    """Return the handoff that this browser may see, or None if it is unknown or expired.

    The cookie opens it without a sign-in, but not for another customer who has signed in since.
    """
    handoff = find_by_cookie(request)
    if handoff is None:
        return None
    owner, reader = handoff.account, signed_in_customer(request)
    # In a shared browser the next customer may sign in before the cookie expires.
    is_of_another = owner is not None and reader is not None and reader != owner
    return None if is_of_another else handoff


def find_result(request: HttpRequest, visit: Visit) -> Handoff | None:
    """Return the success that was handed over in this visit and may be handed over again.

    Either the browser's cookie opens it, or its owner is signed in. A handoff whose code is masked
    cannot be handed over again.
    """
    given = visit.handoffs.filter(success=True, code_is_masked=False)
    if shown := find(request):
        return given.filter(pk=shown.pk).first()
    owner = signed_in_customer(request)
    return given.filter(account=owner).first() if owner else None


def find_by_cookie(request: HttpRequest) -> Handoff | None:
    """Return the handoff of this browser's cookie, whoever its owner is."""
    token = request.COOKIES.get(settings.HANDOFF_COOKIE_NAME, "")
    unexpired = Handoff.objects.select_related("visit", "account").filter(expires_at__gt=now())
    return unexpired.filter(token_hash=_hash(token)).first() if token else None


def stored_outcome(handoff: Handoff) -> Outcome:
    """Rebuild the outcome from what was stored."""
    return Outcome(
        user_account=UserAccount(handoff.user_account),
        purchase_instrument=PurchaseInstrument(handoff.purchase_instrument),
        line=LineResult(handoff.line),
        mo_direct_status=MoDirectStatus(handoff.mo_direct_status),
        success=handoff.success,
        iccid=handoff.iccid,
        activation_code=handoff.activation_code or None,
        on_esim=handoff.on_esim,
        plan_name=handoff.plan_name,
    )


@dataclass(frozen=True)
class StoredReport:
    """A report that was accepted. `is_problem` says whether the customer sees a problem page."""

    is_problem: bool


def report_token(handoff: Handoff) -> str:
    """Return the signed token that the handoff page sends with a report to name its handoff."""
    return signing.dumps(handoff.pk, salt=REPORT_SALT)


def store_report(token: str, kind: str, text: str) -> StoredReport | None:
    """Store one report of the app. Return None if it is invalid, or if there are too many.

    A repeated report is stored once. An activation result that names a failure becomes an LPA
    error, like one from the launch's headers. A result that is unknown is only stored for staff.
    """
    try:
        handoff_pk = signing.loads(token, salt=REPORT_SALT, max_age=LIFETIME)
    except signing.BadSignature:
        return None
    handoff = Handoff.objects.filter(pk=handoff_pk).first()
    if handoff is None or kind not in HostReport.Kind.values:
        return None

    is_activation = kind == HostReport.Kind.ACTIVATION
    name = "activationResult" if is_activation else "networkRegistrationState"
    # Whoever has the token can post, so reports are cut and counted.
    result, iccid = parse_app_report(text[:LONGEST_REPORT], name)
    if not result or handoff.reports.count() >= MOST_REPORTS:
        return None

    # A reload of the page reports again. Only the first report
    # makes an error for support.
    _row, is_new = HostReport.objects.get_or_create(
        handoff=handoff, kind=kind, result=result, defaults={"iccid": iccid or ""}
    )
    log.info("host report", kind=kind, result=result, iccid=iccid)

    code = find_lpa_code(result) if is_activation else None
    is_problem = code not in {None, LpaCode.SUCCESS}
    if code and is_problem and is_new:
        LpaReport.objects.create(
            visit=handoff.visit,
            source=LpaReport.Source.APP,
            code=code,
            code_as_sent=result,
            iccid=iccid or handoff.iccid,
            decides=True,
        )
    return StoredReport(is_problem)


def _hash(token: str) -> str:
    """Return what is stored of a token, so that a copy of the database opens no handoff."""
    return hashlib.sha256(token.encode()).hexdigest()
