"""`/account/confirm/`: the customer proves again who they are, before an important change.

These changes are to addresses, payment methods and ways to sign in. The password is enough, or a
code that goes to a proven address of the account, or another sign-in with the operator's provider.
Linking a line does not need this step (docs/accounts.md#asked-again).
"""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import texts
from accounts.access.limiter import Locked
from accounts.domain import addresses, codes, reentry
from accounts.forms import CodeForm, ConfirmForm
from accounts.models import Address, User
from accounts.oidc import identities
from accounts.states import Purpose
from accounts.views.codes import ask_for_code, code_context, shows_code_error
from accounts.views.shared import redirect_to_next, redirect_to_page
from moportal.web.kept_forms import forget_form, keeps_form, redirect_back, restore_form
from orders.views.steps import customer_only
from selfcare.views.security import WRONG_PASSWORD


@sensitive_post_parameters("current")
@require_http_methods(["GET", "HEAD", "POST"])
@keeps_form(ConfirmForm)
@customer_only
def confirm(request: HttpRequest, user: User) -> HttpResponse:
    """Ask for the password, and lead on to where the customer wanted to go."""
    if request.method != "POST":
        target = request.GET.get("next", "")
        context = {
            "form": restore_form(request, ConfirmForm, {"next": target}),
            "user_name": user.username,
            "next": target,
            "has_proven": bool(_proven(user)),
            "operator_sign_in": identities.provider_of(user),
            "back_url": reverse("account"),
        }
        return render(request, "selfcare/confirm.html", context)
    form = ConfirmForm(request.POST)
    if form.is_valid():
        try:
            reentry.by_password(request, user, form.cleaned_data["current"])
        except reentry.WrongPassword:
            form.add_error("current", WRONG_PASSWORD)
        except Locked as locked:
            form.add_error("current", texts.too_many_text(locked))
        else:
            return redirect_to_next(form.cleaned_data["next"], default="account")
    return redirect_back(request, form)


@require_http_methods(["GET", "HEAD", "POST"])
@customer_only
def choose_address(request: HttpRequest, user: User) -> HttpResponse:
    """Let the customer choose the proven address to which the code goes, and send it."""
    target = request.POST.get("next") or request.GET.get("next", "")
    proven = _proven(user)
    if not proven:
        return redirect_to_page("confirm", target)
    if request.method == "POST":
        chosen = next((one for one in proven if str(one.pk) == request.POST.get("to")), proven[0])
        return _ask(request, user, chosen.value, target)
    context = {"addresses": proven, "next": target, "back_url": _confirm_url(target)}
    return render(request, "selfcare/confirm_address.html", context)


def _ask(request: HttpRequest, user: User, address: str, target: str) -> HttpResponse:
    error = ask_for_code(request, Purpose.REENTER, address, user)
    if not error:
        return redirect_to_page("confirm-code", target)
    messages.warning(request, error)
    return redirect_to_page("confirm-address", target)


@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
@keeps_form(CodeForm)
@customer_only
def enter_code(request: HttpRequest, user: User) -> HttpResponse:
    """Wait until the code was sent, then take it, and lead on."""
    asked = codes.find_request(request, Purpose.REENTER, account=user)
    if asked is None:
        return redirect_to_page("confirm", request.GET.get("next", ""))
    if request.method != "POST":
        context = code_context(request, asked, page="confirm-code", others="confirm-address")
        return render(request, "selfcare/code.html", context)
    form = CodeForm(request.POST)
    try:
        if form.is_valid():
            with shows_code_error(form):
                reentry.by_code(request, user, form.cleaned_data["code"])
    except codes.CodeBeingChecked:
        return redirect_to_page("confirm-code", form.cleaned_data["next"])
    if form.errors:
        return redirect_back(request, form)
    forget_form(request)
    return redirect_to_next(form.cleaned_data["next"], default="account")


@require_http_methods(["GET", "HEAD", "POST"])
@customer_only
def send_again(request: HttpRequest, user: User) -> HttpResponse:
    """Send a new code to the same address. A GET only leads to the page of the code."""
    target = request.POST.get("next", "")
    asked = codes.find_request(request, Purpose.REENTER, account=user)
    if request.method != "POST" or asked is None or not codes.is_still_proven(asked):
        return redirect_to_page("confirm-code", target)
    return _ask(request, user, asked.address, target)


def _proven(user: User) -> list[Address]:
    return [one for one in addresses.addresses_of(user) if one.proven_at is not None]


def _confirm_url(target: str) -> str:
    return redirect_to_page("confirm", target).headers["Location"]
