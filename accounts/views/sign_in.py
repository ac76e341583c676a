"""`/sign-in/` and `/sign-up/`."""

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.access import guessing
from accounts.access.limiter import Locked
from accounts.domain import sign_in as domain
from accounts.forms import SignInForm, SignUpForm
from accounts.oidc import provider
from accounts.texts import too_many_text
from accounts.views.shared import (
    market_of,
    render_form,
    sign_in_and_redirect,
    sign_in_and_show_code,
)
from moportal.web.gate import Busy
from moportal.web.kept_forms import keep_form, keeps_form, redirect_back


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@keeps_form(SignInForm)
def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign a customer in. Staff sign in at the admin."""
    if request.method != "POST":
        name = provider.customers_name()
        return render_form(request, "accounts/sign_in.html", SignInForm, operator_sign_in=name)
    form = SignInForm(request.POST, market=market_of(request))
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
            return sign_in_and_redirect(request, user, form)
    return redirect_back(request, form)


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@keeps_form(SignUpForm)
def sign_up(request: HttpRequest) -> HttpResponse:
    """Create an account and sign its owner in."""
    if request.method != "POST":
        name = provider.customers_name()
        return render_form(request, "accounts/sign_up.html", SignUpForm, operator_sign_in=name)
    form = SignUpForm(request.POST, market=market_of(request))
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
            return sign_in_and_show_code(request, user, form)
    return redirect_back(request, form)
