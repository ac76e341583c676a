"""`/account/security/`: the ways in, where the account is signed in, and what happened to it."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import events, sessions
from accounts.access.limiter import Locked
from accounts.domain import recovery
from accounts.domain import sign_in as domain
from accounts.forms import CurrentPasswordForm, NewPasswordForm, PasswordChangeForm
from accounts.identifier import is_identifier
from accounts.models import OidcIdentity, RecoveryCode, User
from accounts.oidc import identities
from accounts.texts import too_many_text
from moportal.text.time_zones import zone_name
from moportal.web.kept_forms import redirect_back, restore_form
from orders.views.steps import after_reentry, customer_only, redirect_to

SHOWN_EVENTS = 10
ADDRESS_FIRST = gettext_lazy(
    "Before you set a password, add an email address or phone number to sign in with."
)
WRONG_PASSWORD = gettext_lazy("This isn't your current password. Try again.")


@require_safe
@customer_only
def overview(request: HttpRequest, user: User) -> HttpResponse:
    """Show the open sign-ins and the latest events of the account."""
    context = {
        "identities": [_identity_row(identity) for identity in identities.identities_of(user)],
        "sign_ins": sessions.open_sign_ins(user),
        "session_key": request.session.session_key,
        "time_zone": zone_name(user.time_zone) if user.time_zone else "",
        "code": RecoveryCode.objects.filter(account=user).first(),
        "events": events.latest_events(user, SHOWN_EVENTS),
        "back_url": reverse("account"),
    }
    return render(request, "selfcare/security.html", context)


def _identity_row(identity: OidcIdentity) -> dict[str, Any]:
    return {
        "identity": identity,
        "provider": identities.name_of(identity),
        "may_remove": not identities.is_last_way_in(identity),
    }


@require_http_methods(["GET", "HEAD", "POST"])
@customer_only
@after_reentry
def remove_identity(request: HttpRequest, user: User, number: int) -> HttpResponse:
    """Remove a sign-in with the operator's provider, after a page that asks for confirmation."""
    identity = get_object_or_404(user.oidc_identities.select_related("account"), pk=number)
    provider = identities.name_of(identity)
    if request.method != "POST":
        context = {"provider": provider, "back_url": reverse("security")}
        return render(request, "selfcare/identity_remove.html", context)
    try:
        identities.remove(request, identity)
    except identities.LastWayIn:
        text = _("This is the only way into your account, so it can't be removed.")
        messages.warning(request, text)
    else:
        messages.info(request, _("Removed: sign-in with %(provider)s") % {"provider": provider})
    return redirect_to("security")


@sensitive_post_parameters("current", "new")
@require_http_methods(["GET", "HEAD", "POST"])
@customer_only
def change_password(request: HttpRequest, user: User) -> HttpResponse:
    """Change the password, and sign the account out everywhere else."""
    if not user.has_usable_password():
        return redirect_to("first-password")
    if request.method != "POST":
        form = restore_form(request, PasswordChangeForm, {})
        context = {"form": form, "user_name": user.username, "back_url": reverse("security")}
        return render(request, "selfcare/password.html", context)
    form = PasswordChangeForm(request.POST)
    if form.is_valid():
        try:
            domain.change_password(request, user, **form.cleaned_data)
        except domain.WrongCredentials:
            form.add_error("current", WRONG_PASSWORD)
        except Locked as locked:
            form.add_error("current", too_many_text(locked))
        except ValidationError as error:
            form.add_error("new", error)
        else:
            messages.info(request, _("Your password was changed. Other devices were signed out."))
            return redirect_to("security")
    return redirect_back(request, form)


@sensitive_post_parameters("new")
@require_http_methods(["GET", "HEAD", "POST"])
@customer_only
@after_reentry
def set_first_password(request: HttpRequest, user: User) -> HttpResponse:
    """Set the password of an account that has none, after a code or a sign-in at the provider."""
    if user.has_usable_password():
        return redirect_to("password")
    if not is_identifier(user.username):
        messages.info(request, ADDRESS_FIRST)
        return redirect_to("addresses")
    if request.method != "POST":
        form = restore_form(request, NewPasswordForm, {})
        context = {"form": form, "user_name": user.username, "back_url": reverse("security")}
        return render(request, "selfcare/first_password.html", context)
    form = NewPasswordForm(request.POST)
    if form.is_valid():
        try:
            domain.set_first_password(request, user, **form.cleaned_data)
        except domain.HasPassword:
            return redirect_to("password")
        except ValidationError as error:
            form.add_error("new", error)
        else:
            messages.info(request, _("Your password was set. Other devices were signed out."))
            return redirect_to("security")
    return redirect_back(request, form)


@sensitive_post_parameters("current")
@require_http_methods(["GET", "HEAD", "POST"])
@customer_only
def renew_recovery_code(request: HttpRequest, user: User) -> HttpResponse:
    """Give the customer a new recovery code, after the password."""
    if request.method != "POST":
        form = restore_form(request, CurrentPasswordForm, {})
        context = {"form": form, "user_name": user.username, "back_url": reverse("security")}
        return render(request, "selfcare/renew_recovery_code.html", context)
    form = CurrentPasswordForm(request.POST)
    if form.is_valid():
        try:
            code = domain.renew_recovery_code(request, user, current=form.cleaned_data["current"])
        except domain.WrongCredentials:
            form.add_error("current", WRONG_PASSWORD)
        except Locked as locked:
            form.add_error("current", too_many_text(locked))
        else:
            recovery.show_once(request, code)
            return redirect_to("recovery-code", query=urlencode({"next": reverse("security")}))
    return redirect_back(request, form)


@require_http_methods(["GET", "HEAD", "POST"])
@customer_only
def sign_out_others(request: HttpRequest, user: User) -> HttpResponse:
    """Sign the account out everywhere but here. A GET only leads to the overview."""
    if request.method == "POST":
        count = sessions.end_others(request, user)
        text = ngettext(
            "%(count)d other device was signed out.",
            "%(count)d other devices were signed out.",
            count,
        )
        messages.info(request, text % {"count": count})
    return redirect_to("security")
