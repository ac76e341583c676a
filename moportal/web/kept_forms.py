"""Refused forms that are kept in the browser and shown again, filled in.

Every POST ends in a 303 redirect, so Back and reload never ask to send a form again. A form that
was not accepted is therefore kept in a signed cookie before the redirect. Its page restores it:
what the customer typed is still there.

The links to the terms, the privacy policy, support and the language menu are buttons of the form.
It is kept in the same way, and the way back fills it again.

Only the fields of the page's own form are kept, cut short. Passwords, card numbers, security codes
and vouchers are never kept, nor is a card number that was typed into any other field. Nothing is
written to the database, so nobody can fill it by sending forms.

Source: docs/contract.md#nothing-is-lost.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.core import signing
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from moportal.text.card_numbers import has_card_number

NEVER_KEPT = frozenset({"number", "csc", "code", "proof", "bill_code", "voucher"})
# In seconds, and in bytes of the cookie.
LIFETIME, LARGEST_COOKIE = 600, 2048
# In characters. If a form is too large for the cookie, its values are cut shorter.
LONGEST_VALUES = (300, 100, 30)
SALT = "moportal.kept_forms"
# The name of the buttons that lead to these pages.
ASIDE, ASIDES = "aside", ("support", "terms", "privacy", "language")
# What this request has kept or forgotten. The middleware writes it to the cookie.
CHANGE_KEY = "moportal.kept_form"
FormType = TypeVar("FormType", bound=forms.Form)
View = TypeVar("View", bound=Callable[..., HttpResponse])
Kept = dict[str, Any]


class KeptFormMiddleware:
    """Write to the cookie what the request has kept or forgotten."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if CHANGE_KEY in request.META:
            _write_cookie(response, request.META[CHANGE_KEY])
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], _args: Any, _kwargs: Any
    ) -> HttpResponse | None:
        """Lead on to the page that a form's button names, and keep what was typed.

        The view does not run, and nothing else changes. So this comes before the check of the CSRF
        token, which may be stale.
        """
        page = request.POST.get(ASIDE, "") if hasattr(view, "kept_form_class") else ""
        if page not in ASIDES:
            return None
        keep_form(request)
        way_back = urlencode({"next": request.get_full_path()})
        return HttpResponseRedirect(f"{reverse(page)}?{way_back}", status=303)


def keeps_form(form_class: type[forms.Form]) -> Callable[[View], View]:
    """Name a view's form. Its fields are kept if a POST is stopped before the view runs."""

    def mark(view: View) -> View:
        # `functools.wraps` copies the attribute to the decorators around the view.
        view.kept_form_class = form_class  # type: ignore[attr-defined]  # read by `keep_form`
        return view

    return mark


def keep_form(request: HttpRequest) -> None:
    """Keep what was typed on this page. Without a form that the view names, nothing is kept."""
    view = request.resolver_match.func if request.resolver_match else None
    form_class = getattr(view, "kept_form_class", None)
    if form_class is not None:
        _keep(request, form_class, {})


def redirect_back(request: HttpRequest, form: forms.Form) -> HttpResponse:
    """Keep the form and redirect to its own page, which shows the form with its errors."""
    errors = {
        name: [str(message) for message in messages] for name, messages in form.errors.items()
    }
    _keep(request, type(form), errors)
    return HttpResponseRedirect(request.get_full_path(), status=303)


def restore_form(
    request: HttpRequest, form_class: type[FormType], initial: Mapping[str, Any]
) -> FormType:
    """Return the page's form as it was typed if it was kept, otherwise with its initial values.

    Hidden fields always get their current values. Errors are shown once. What was typed stays
    until `forget_form` is called, and for ten minutes at most.
    """
    kept = _read(request)
    if kept is None or kept["path"] != request.path:
        return form_class(initial=dict(initial))

    shown = _kept_fields(form_class)
    values = {**initial, **{name: kept["typed"][name] for name in shown & kept["typed"].keys()}}
    if not kept["errors"]:
        return form_class(initial=values)

    request.META[CHANGE_KEY] = {**kept, "errors": {}}
    return _with_errors(form_class(values), kept["errors"])


def forget_form(request: HttpRequest) -> None:
    """Drop this page's kept form after its values have been accepted."""
    kept = _read(request)
    if kept is not None and kept["path"] == request.path:
        request.META[CHANGE_KEY] = None


def _keep(request: HttpRequest, form_class: type[forms.Form], errors: Mapping[str, Any]) -> None:
    posted = {name: request.POST.get(name, "") for name in _kept_fields(form_class)}
    typed = {name: text for name, text in posted.items() if text and not has_card_number(text)}
    request.META[CHANGE_KEY] = {
        "path": request.path,
        "typed": typed,
        "errors": dict(errors),
        "until": int(time.time()) + LIFETIME,
    }


def _kept_fields(form_class: type[forms.Form]) -> set[str]:
    """Return the names of the fields that a customer types, without the secret ones."""
    shown = {
        name
        for name, field in form_class.base_fields.items()
        if not field.widget.is_hidden and not isinstance(field.widget, forms.PasswordInput)
    }
    return shown - NEVER_KEPT


def _read(request: HttpRequest) -> Kept | None:
    """Return the form that was kept last, or None if there is none or its time is over."""
    try:
        kept: Kept = signing.loads(
            request.COOKIES.get(settings.KEPT_FORM_COOKIE_NAME, ""), salt=SALT
        )
    except signing.BadSignature:
        return None
    return kept if kept["until"] > time.time() else None


def _write_cookie(response: HttpResponse, kept: Kept | None) -> None:
    response.set_cookie(
        settings.KEPT_FORM_COOKIE_NAME,
        _sign(kept) if kept else "",
        # A browser deletes a `__Host-` cookie only if the deletion is marked as secure.
        max_age=max(kept["until"] - int(time.time()), 0) if kept else 0,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _sign(kept: Kept) -> str:
    """Sign the form with values that are short enough for the cookie, or with none."""
    for longest in (*LONGEST_VALUES, 0):
        typed = {name: text[:longest] for name, text in kept["typed"].items() if longest}
        signed = signing.dumps({**kept, "typed": typed}, salt=SALT, compress=True)
        if len(signed) <= LARGEST_COOKIE:
            break
    return signed


def _with_errors(form: FormType, errors: Mapping[str, list[str]]) -> FormType:
    # The form is not validated a second time. That would report the password, which was not
    # kept, as missing.
    form.errors.clear()
    for name, messages in errors.items():
        field = None if name == NON_FIELD_ERRORS or name not in form.fields else name
        for message in messages:
            form.add_error(field, message)
    return form
