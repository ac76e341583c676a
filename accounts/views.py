"""The pages to sign in and sign up."""

from urllib.parse import urlencode

from django import forms
from django.contrib.auth import login
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import domain, guessing, recovery
from accounts.forms import RecoveryForm, SignInForm, SignUpForm
from accounts.limiter import Locked
from accounts.models import User
from accounts.texts import too_many_text
from brand.queries import operator
from moportal.web.gate import Busy
from moportal.web.kept_forms import forget_form, keep_form, keeps_form, redirect_back, restore_form


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@keeps_form(SignInForm)
def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign a customer in. Staff sign in at the admin."""
    if request.method != "POST":
        return _render_form(request, "accounts/sign_in.html", SignInForm)
    form = SignInForm(request.POST, market=_market(request))
    if form.is_valid():
        try:
            user = domain.sign_in(
                form.cleaned_data["username"],
                password=form.cleaned_data["password"],
                request=request,
            )
        except domain.WrongCredentials:
            form.add_error(
                None,
                _(
                    "Incorrect email address, phone number or password. "
                    "Check your details and try again."
                ),
            )
        except Locked as locked:
            form.add_error(None, too_many_text(locked))
        except Busy:
            keep_form(request)
            raise
        else:
            return _sign_in_and_redirect(request, user, form)
    return redirect_back(request, form)


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@keeps_form(SignUpForm)
def sign_up(request: HttpRequest) -> HttpResponse:
    """Create an account and sign its owner in."""
    if request.method != "POST":
        return _render_form(request, "accounts/sign_up.html", SignUpForm)
    form = SignUpForm(request.POST, market=_market(request))
    if form.is_valid():
        try:
            guessing.count_sign_up(request, form.cleaned_data["username"])
            user = domain.sign_up(
                form.cleaned_data["username"],
                name=form.cleaned_data["name"],
                password=form.cleaned_data["password"],
                language=request.session.get("language", ""),
            )
        except domain.IdentifierTaken:
            form.add_error(
                "username",
                _(
                    "An account with this email address or phone number already exists. "
                    "Sign in instead."
                ),
            )
        except ValidationError as error:
            form.add_error("password", error)
        except Locked as locked:
            form.add_error(None, too_many_text(locked))
        except Busy:
            keep_form(request)
            raise
        else:
            return _sign_in_and_show_code(request, user, form)
    return redirect_back(request, form)


@sensitive_post_parameters("code", "new")
@require_http_methods(["GET", "HEAD", "POST"])
@keeps_form(RecoveryForm)
def recover(request: HttpRequest) -> HttpResponse:
    """Let a customer who forgot the password set a new one, by the recovery code."""
    if request.method != "POST":
        return _render_form(request, "accounts/recover.html", RecoveryForm)
    form = RecoveryForm(request.POST, market=_market(request))
    if form.is_valid():
        try:
            user = recovery.recover(
                request,
                form.cleaned_data["username"],
                code=form.cleaned_data["code"],
                password=form.cleaned_data["new"],
            )
        except recovery.WrongCode:
            form.add_error(
                None,
                _(
                    "Incorrect email address, phone number or recovery code. "
                    "Check them and try again, or contact support."
                ),
            )
        except ValidationError as error:
            form.add_error("new", error)
        except Busy:
            keep_form(request)
            raise
        else:
            return _sign_in_and_show_code(request, user, form)
    return redirect_back(request, form)


@require_http_methods(["GET", "HEAD", "POST"])
def recovery_code(request: HttpRequest) -> HttpResponse:
    """Show a new recovery code until its owner goes on."""
    code = recovery.code_to_show(request)
    target = request.POST.get("next") or request.GET.get("next", "")
    if request.method == "POST" or code is None or domain.signed_in_customer(request) is None:
        recovery.forget_shown(request)
        return _redirect_to(target)
    context = {"code": code, "next": target, "cancel": True}
    return render(request, "accounts/recovery_code.html", context)


def _market(request: HttpRequest) -> str:
    """Return the visit's market, or the operator's."""
    return request.session.get("market") or operator().market


def _render_form(request: HttpRequest, template: str, form_class: type[forms.Form]) -> HttpResponse:
    target = request.GET.get("next", "")
    form = restore_form(request, form_class, {"next": target})
    step = {"number": 1, "total": 5, "title": _("sign in")}
    return render(request, template, {"form": form, "next": target, "step": step, "cancel": True})


def _sign_in_and_redirect(request: HttpRequest, user: User, form: forms.Form) -> HttpResponse:
    """Sign in with a new session key, which drops another user's session, and redirect."""
    login(request, user)
    forget_form(request)
    return _redirect_to(form.cleaned_data["next"])


def _sign_in_and_show_code(request: HttpRequest, user: User, form: forms.Form) -> HttpResponse:
    """Sign in, and lead over the page with a new recovery code."""
    try:
        code = recovery.renew_code(user)
    except Busy:
        # The account is there and the password is set. A code can be had later, in the account.
        return _sign_in_and_redirect(request, user, form)
    login(request, user)
    forget_form(request)
    recovery.show_once(request, code)
    query = urlencode({"next": form.cleaned_data["next"]})
    return HttpResponseRedirect(f"{reverse('recovery-code')}?{query}", status=303)


def _redirect_to(target: str) -> HttpResponse:
    is_ours = url_has_allowed_host_and_scheme(target, allowed_hosts=None)
    return HttpResponseRedirect(target if is_ours and target else reverse("options"), status=303)
