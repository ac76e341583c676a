"""The page that takes the code of an authenticator app, and sets the app up the first time."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.access import second_factor as domain
from accounts.access.limiter import Locked
from accounts.admin.staff import staff_of
from accounts.models import Authenticator
from accounts.texts import too_many_text
from moportal.web.qr_codes import draw_qr_code

# What the app shows beside the name.
ISSUER = "Staff desk"


class CodeForm(forms.Form):
    """The six digits that the app shows now."""

    code = forms.CharField(
        label="Code",
        max_length=12,
        widget=forms.TextInput(
            attrs={"inputmode": "numeric", "autocomplete": "one-time-code", "autofocus": True}
        ),
    )

    def clean_code(self) -> str:
        """Return the digits without the spaces that many apps show."""
        code: str = self.cleaned_data["code"]
        return "".join(code.split())


@sensitive_post_parameters("code")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def second_factor(request: HttpRequest) -> HttpResponse:
    """Take the code. Whoever has not typed the password yet signs in first."""
    if not domain.is_missing(request):
        return redirect(_next(request))
    form = CodeForm(request.POST or None)
    if form.is_valid():
        try:
            domain.check(request, staff_of(request), form.cleaned_data["code"])
        except domain.WrongCode:
            text = "This is not the code that the app shows now. Each code works once."
            form.add_error("code", text)
        except Locked as locked:
            form.add_error("code", too_many_text(locked))
        else:
            return redirect(_next(request))
    return _page(request, form)


def _page(request: HttpRequest, form: CodeForm) -> HttpResponse:
    authenticator = domain.authenticator_of(staff_of(request))
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": "Second step of your sign-in",
        "form": form,
        "next": _next(request),
        # Nothing else can be opened yet, so nothing else is offered.
        "has_permission": False,
        "waits_for_code": True,
        "is_nav_sidebar_enabled": False,
    }
    if authenticator.confirmed_at is None:
        context |= {"title": "Set up your authenticator app", **_set_up(authenticator)}
    return render(request, "admin/accounts/second_factor.html", context)


def _set_up(authenticator: Authenticator) -> dict[str, str]:
    address, key = domain.address_of(authenticator, issuer=ISSUER), authenticator.key
    groups = " ".join(key[start : start + 4] for start in range(0, len(key), 4))
    return {"qr_code": draw_qr_code(address), "key": groups}


def _next(request: HttpRequest) -> str:
    """Return the page that was asked for first, if it is one of this host's."""
    address = request.POST.get("next") or request.GET.get("next", "")
    allowed = url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=not settings.DEBUG
    )
    is_local = address.startswith("/") and allowed
    return address if is_local else reverse("admin:index")
