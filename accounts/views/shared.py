"""What the pages for sign-in and recovery share: the frame, and where they lead."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _

from accounts.domain import recovery
from accounts.models import User
from brand.queries import operator
from moportal.web.gate import Busy
from moportal.web.kept_forms import forget_form, restore_form


def market_of(request: HttpRequest) -> str:
    """Return the visit's market, or the operator's."""
    return request.session.get("market") or operator().market


def render_form(
    request: HttpRequest, template: str, form_class: type[forms.Form], **context: Any
) -> HttpResponse:
    """Show the page's form, as it was typed if it was kept."""
    target = request.GET.get("next", "")
    form = restore_form(request, form_class, {"next": target})
    frame = {"form": form, "next": target, **journey_frame()}
    return render(request, template, {**frame, **context})


def journey_frame() -> dict[str, Any]:
    """Return the context of the frame on the way into the journey: its step, and Cancel."""
    return {"step": {"number": 1, "total": 5, "title": _("sign in")}, "cancel": True}


def sign_in_and_redirect(request: HttpRequest, user: User, form: forms.Form) -> HttpResponse:
    """Sign in with a new session key, which drops another user's session, and redirect."""
    login(request, user)
    forget_form(request)
    return redirect_to_next(form.cleaned_data["next"])


def sign_in_and_show_code(request: HttpRequest, user: User, form: forms.Form) -> HttpResponse:
    """Sign in, and lead over the page with a new recovery code."""
    try:
        code = recovery.renew_code(user)
    except Busy:
        # The account exists and the password is set. The customer can get a code later, in the
        # account.
        return sign_in_and_redirect(request, user, form)
    login(request, user)
    forget_form(request)
    recovery.show_once(request, code)
    return redirect_to_page("recovery-code", form.cleaned_data["next"])


def redirect_to_next(target: str, *, default: str = "options") -> HttpResponse:
    """Redirect to a page of the portal, or to the default one."""
    return HttpResponseRedirect(own_target(target) or reverse(default), status=303)


def own_target(target: str) -> str:
    """Return the target if it is a page of the portal, otherwise nothing.

    A target comes with the request. As a link it could lead to another site, or run a script.
    """
    return target if url_has_allowed_host_and_scheme(target, allowed_hosts=None) else ""


def redirect_to_page(name: str, target: str) -> HttpResponse:
    """Redirect to a page by the name of its URL. It leads on to `target`."""
    query = f"?{urlencode({'next': target})}" if target else ""
    return HttpResponseRedirect(f"{reverse(name)}{query}", status=303)
