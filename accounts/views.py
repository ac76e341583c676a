"""Sign in and sign up."""

from typing import TypeVar

from django import forms
from django.contrib.auth import login
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import domain
from accounts.forms import SignInForm, SignUpForm
from accounts.models import User

FormType = TypeVar("FormType", bound=forms.Form)


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Let a customer in; staff have a door of their own."""
    form = _bound(SignInForm, request)
    if form.is_valid():
        try:
            user = domain.sign_in(
                form.cleaned_data["username"], password=form.cleaned_data["password"]
            )
        except domain.WrongCredentials:
            form.add_error(
                None, _("We don't know this combination. Check both fields and try again.")
            )
        else:
            return _let_in(request, user, form)
    return _page(request, "accounts/sign_in.html", form)


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    """Make an account and sign its owner in at once."""
    form = _bound(SignUpForm, request)
    if form.is_valid():
        try:
            user = domain.sign_up(
                form.cleaned_data["username"],
                name=form.cleaned_data["name"],
                password=form.cleaned_data["password"],
                language=get_language() or "",
            )
        except domain.IdentifierTaken:
            form.add_error("username", _("There is already an account with this. Sign in instead."))
        except ValidationError as error:
            form.refuse_password(error)
        else:
            return _let_in(request, user, form)
    return _page(request, "accounts/sign_up.html", form)


def _bound(form: type[FormType], request: HttpRequest) -> FormType:
    return (
        form(request.POST)
        if request.method == "POST"
        else form(initial={"next": request.GET.get("next")})
    )


def _page(request: HttpRequest, template: str, form: forms.Form) -> HttpResponse:
    target = form["next"].value() or ""
    step = {"number": 1, "total": 5, "title": _("sign in")}
    return render(request, template, {"form": form, "next": target, "step": step, "cancel": True})


def _let_in(request: HttpRequest, user: User, form: forms.Form) -> HttpResponse:
    """Start the customer's session with a new key; nothing of another user's session stays."""
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    target = form.cleaned_data["next"]
    is_ours = url_has_allowed_host_and_scheme(target, allowed_hosts=None)
    return HttpResponseRedirect(target if is_ours and target else reverse("options"), status=303)
