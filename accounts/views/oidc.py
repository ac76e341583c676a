"""The pages around the operator's OpenID Connect provider, and its announcement of a logout."""

from dataclasses import asdict
from typing import Any

import structlog
from django.contrib import messages
from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import (
    require_GET,
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts.access.limiter import Locked
from accounts.domain import sign_in as domain
from accounts.forms import JoinForm
from accounts.models import OidcIdentity
from accounts.oidc import answers, attempts, identities, signing_out
from accounts.oidc.answers import AnswerRefused, Why
from accounts.oidc.provider import ProviderAway, customers_name
from accounts.oidc.tokens import BadToken, Claims
from accounts.texts import too_many_text
from accounts.views.shared import redirect_to_next, redirect_to_page
from moportal.web.kept_forms import redirect_back, restore_form

log = structlog.get_logger(__name__)
# What a customer reads about an answer that signs nobody in, and can do now.
SENTENCES: dict[Why, Promise] = {
    Why.LOST: gettext_lazy("Your sign-in took too long or was interrupted. Please start again."),
    Why.FOREIGN: gettext_lazy("This sign-in doesn't belong to this visit. Please start again."),
    Why.DECLINED: gettext_lazy("You weren't signed in. Try again, or use another way to sign in."),
    Why.INVALID: gettext_lazy(
        "We couldn't confirm your sign-in. Try again, or use another way to sign in."
    ),
    Why.AWAY: gettext_lazy(
        "This way to sign in isn't available right now. "
        "Use another one below, or try again in a few minutes."
    ),
    Why.BLOCKED: gettext_lazy("Contact our support team to go on."),
}
# These count as failed sign-ins of the visit. The others are no fault of the customer's.
FAILED = {Why.DECLINED, Why.INVALID}


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """Send the customer to the provider. A link leads here: our policy stops a form's redirect."""
    attempt = attempts.begin(request, request.GET.get("next", ""))
    try:
        response = HttpResponseRedirect(answers.authorization_url(attempt), status=303)
    except ProviderAway as error:
        return _refuse(request, AnswerRefused(Why.AWAY, str(error)), attempt.next)
    attempts.keep(response, attempt)
    return response


@require_GET
def come_back(request: HttpRequest) -> HttpResponse:
    """Read the provider's answer, and sign its customer in."""
    attempt = attempts.find(request)
    target = attempt.next if attempt else ""
    try:
        accepted, claims = answers.accept(request)
        return _sign_in_or_ask(request, accepted.next, claims)
    except AnswerRefused as refused:
        if refused.why == Why.LOST and domain.signed_in_customer(request):
            # The answer was loaded again after it had signed the customer in.
            return redirect_to_next("")
        return _refuse(request, refused, target)
    except Locked as locked:
        messages.error(request, too_many_text(locked))
        return redirect_to_page("sign-in", target)


def _sign_in_or_ask(request: HttpRequest, target: str, claims: Claims) -> HttpResponse:
    """Sign a known or new customer in. Ask first if an account has the claimed address."""
    identity = identities.find(claims)
    if identity is None and (found := identities.account_to_join(claims)):
        response = HttpResponseRedirect(reverse("oidc-join"), status=303)
        asked = {"claims": asdict(claims), "next": target, **asdict(found)}
        attempts.write(response, attempts.JOIN, asked)
        return response
    return _sign_in(request, identity or identities.create(request, claims), claims, target)


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest) -> HttpResponse:
    """Let the customer use an account with both ways in, after its password."""
    asked = attempts.read(request, attempts.JOIN)
    if asked is None:
        return _refuse(request, AnswerRefused(Why.LOST), "")
    claims, target = Claims(**asked["claims"]), asked["next"]
    try:
        # The provider's answer is worth one sign-in. A copy of the cookie opens nothing later.
        if request.method == "POST" and identities.find(claims):
            raise AnswerRefused(Why.LOST)
        if "skip" in request.POST:
            return _sign_in(request, identities.create(request, claims), claims, target)
        return _join(request, asked, claims)
    except AnswerRefused as refused:
        if refused.why == Why.LOST and domain.signed_in_customer(request):
            # The form was sent twice.
            return redirect_to_next(target)
        return _refuse(request, refused, target)


def _join(request: HttpRequest, asked: dict[str, Any], claims: Claims) -> HttpResponse:
    if request.method != "POST":
        form = restore_form(request, JoinForm, {})
        context = {"form": form, "address": asked["address"], "cancel": True}
        return render(request, "accounts/join.html", context)
    form = JoinForm(request.POST)
    if form.is_valid():
        try:
            identity = identities.join(request, claims, asked["identifier"], **form.cleaned_data)
        except domain.WrongCredentials:
            form.add_error("password", _("This isn't the account's password. Try again."))
        except Locked as locked:
            form.add_error("password", too_many_text(locked))
        else:
            return _sign_in(request, identity, claims, asked["next"])
    return redirect_back(request, form)


@require_safe
def sign_out(request: HttpRequest) -> HttpResponse:
    """Lead the customer, who is signed out here, to the provider's sign-out and to the handoff.

    The page opens the provider by itself once. If the provider does not answer, the way back leads
    to this page again, which then waits.
    """
    context = {
        "url": signing_out.end_session_url(),
        "opens_automatically": attempts.read(request, attempts.OUT) is not None,
        "provider": customers_name(),
    }
    response = render(request, "accounts/oidc_sign_out.html", context)
    attempts.forget(response)
    return response


@require_safe
def signed_out(request: HttpRequest) -> HttpResponse:
    """Give the result to the host, after the provider has signed the customer out."""
    return HttpResponseRedirect(reverse("handoff"), status=303)


@csrf_exempt
@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    """End the sign-ins that the provider's signed token names. The provider itself sends it."""
    try:
        signing_out.end_by_provider(request.POST.get("logout_token", ""))
    except BadToken as error:
        log.warning("logout token refused", reason=str(error))
        return JsonResponse({"error": "invalid_request"}, status=400)
    except ProviderAway as error:
        log.warning("logout token not read", reason=str(error))
        return JsonResponse(
            {"error": "temporarily_unavailable"}, status=503, headers={"Retry-After": "60"}
        )
    return HttpResponse()


def _sign_in(
    request: HttpRequest, identity: OidcIdentity, claims: Claims, target: str
) -> HttpResponse:
    identities.sign_in(request, identity, claims)
    response = redirect_to_next(target)
    attempts.forget(response)
    return response


def _refuse(request: HttpRequest, refused: AnswerRefused, target: str) -> HttpResponse:
    """Say why nobody was signed in, on the page with the other ways in."""
    log.warning("provider's answer refused", why=refused.why.value, detail=refused.detail)
    if refused.why in FAILED:
        user_login_failed.send(sender=__name__, credentials={}, request=request)
    messages.error(request, str(SENTENCES[refused.why]))
    response = redirect_to_page("sign-in", target)
    if refused.why is not Why.FOREIGN:
        # A forged answer does not end the customer's own attempt.
        attempts.forget(response)
    return response
