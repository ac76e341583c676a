"""`/recover/`: coming back without the password, and the page of a new recovery code.

Three ways lead back: the recovery code, a code that staff have issued, and a one-time code that
goes to an address which the customer has proven.
"""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import texts
from accounts.access.limiter import Locked
from accounts.domain import codes, recovery
from accounts.domain import sign_in as domain
from accounts.forms import CodeAddressForm, RecoveryByCodeForm, RecoveryForm
from accounts.models import CodeRequest, User
from accounts.states import Purpose
from accounts.views.codes import note_of, phase_of, shows_code_error
from accounts.views.shared import (
    journey_frame,
    market_of,
    redirect_to_next,
    redirect_to_page,
    render_form,
    sign_in_and_show_code,
)
from moportal.web.gate import Busy
from moportal.web.kept_forms import keep_form, keeps_form, redirect_back


@sensitive_post_parameters("code", "new")
@require_http_methods(["GET", "HEAD", "POST"])
@keeps_form(RecoveryForm)
def recover(request: HttpRequest) -> HttpResponse:
    """Let a customer who forgot the password set a new one, by the recovery code."""
    if request.method != "POST":
        return render_form(request, "accounts/recover.html", RecoveryForm)
    form = RecoveryForm(request.POST, market=market_of(request))
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
            return sign_in_and_show_code(request, user, form)
    return redirect_back(request, form)


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_form(CodeAddressForm)
def recover_by_code(request: HttpRequest) -> HttpResponse:
    """Send a one-time code to what was typed, if a customer has proven it.

    The answer is the same for anything else.
    """
    if request.method != "POST":
        return render_form(request, "accounts/recover_by_code.html", CodeAddressForm)
    form = CodeAddressForm(request.POST, market=market_of(request))
    if form.is_valid():
        try:
            codes.request_recovery_code(request, form.cleaned_data["username"])
        except Locked as locked:
            form.add_error("username", texts.too_many_codes_text(locked))
        else:
            return redirect_to_page("recover-enter-code", form.cleaned_data["next"])
    return redirect_back(request, form)


@sensitive_post_parameters("code", "new")
@require_http_methods(["GET", "HEAD", "POST"])
@keeps_form(RecoveryByCodeForm)
def enter_code(request: HttpRequest) -> HttpResponse:
    """Let whoever received the code set a new password."""
    asked = codes.find_request(request, Purpose.RECOVER)
    if asked is None:
        return redirect_to_page("recover-by-code", request.GET.get("next", ""))
    if request.method != "POST":
        shown = {"address": asked.address, "phase": _phase_of(asked), "note": note_of(asked)}
        template = "accounts/recover_enter_code.html"
        return render_form(request, template, RecoveryByCodeForm, **shown)
    form = RecoveryByCodeForm(request.POST)
    try:
        user = _recover_by_code(request, form) if form.is_valid() else None
    except codes.CodeBeingChecked:
        return redirect_to_page("recover-enter-code", form.cleaned_data["next"])
    return sign_in_and_show_code(request, user, form) if user else redirect_back(request, form)


def _phase_of(asked: CodeRequest) -> str:
    """Return what the page shows. It tells nobody whether a code was sent."""
    found = phase_of(asked)
    return found if found in {"checking", "accepted"} else "enter"


def _recover_by_code(request: HttpRequest, form: RecoveryByCodeForm) -> User | None:
    """Return the customer who has the code. Otherwise put the error into the form."""
    typed, password = form.cleaned_data["code"], form.cleaned_data["new"]
    try:
        with shows_code_error(form):
            return codes.recover(request, typed, password=password)
    except ValidationError as error:
        form.add_error("new", error)
    except Busy:
        keep_form(request)
        raise
    return None


@require_http_methods(["GET", "HEAD", "POST"])
def send_again(request: HttpRequest) -> HttpResponse:
    """Send a new code to the same address. A GET only leads to the page of the code."""
    target = request.POST.get("next") or request.GET.get("next", "")
    asked = codes.find_request(request, Purpose.RECOVER)
    if request.method == "POST" and asked is not None:
        try:
            codes.request_recovery_code(request, asked.address)
        except Locked as locked:
            messages.warning(request, texts.too_many_codes_text(locked))
        else:
            messages.info(request, _("If the address is confirmed, a new code is on its way."))
    return redirect_to_page("recover-enter-code", target)


@require_http_methods(["GET", "HEAD", "POST"])
def recovery_code(request: HttpRequest) -> HttpResponse:
    """Show a new recovery code until its owner goes on."""
    code = recovery.code_to_show(request)
    target = request.POST.get("next") or request.GET.get("next", "")
    if request.method == "POST" or code is None or domain.signed_in_customer(request) is None:
        recovery.forget_shown(request)
        return redirect_to_next(target)
    # In the account, Cancel would leave the portal.
    frame = {} if target.startswith(reverse("account")) else journey_frame()
    context = {"code": code, "next": target, **frame}
    return render(request, "accounts/recovery_code.html", context)
