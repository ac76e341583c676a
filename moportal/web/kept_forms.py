"""Refused forms that are kept in the session and shown again, filled in.

Every POST ends in a 303 redirect, so Back and reload never ask to send a form again. A form that
was not accepted is therefore stored before the redirect. Its page restores it: what the customer
typed is still there. Passwords and card data are never stored, nor is a card number that was typed
into any other field.

Source: docs/contract.md#nothing-is-lost.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from moportal.text.card_numbers import has_card_number

SESSION_KEY = "kept_form"
NEVER_KEPT = frozenset({"csrfmiddlewaretoken", "password", "number", "expiry", "csc"})
MOST_FIELDS, LONGEST_VALUE = 20, 300
FormType = TypeVar("FormType", bound=forms.Form)


def keep_form(request: HttpRequest, errors: Mapping[str, Any] | None = None) -> None:
    """Store in the session what was typed on this page, with its errors."""
    typed = {
        name: str(value)[:LONGEST_VALUE]
        for name, value in list(request.POST.items())[:MOST_FIELDS]
        if name not in NEVER_KEPT and not has_card_number(str(value))
    }
    request.session[SESSION_KEY] = {"path": request.path, "typed": typed, "errors": errors or {}}


def redirect_back(request: HttpRequest, form: forms.Form) -> HttpResponse:
    """Keep the form and redirect to its own page, which shows the form with its errors."""
    errors = {
        name: [str(message) for message in messages] for name, messages in form.errors.items()
    }
    keep_form(request, errors)
    return HttpResponseRedirect(request.get_full_path(), status=303)


def restore_form(
    request: HttpRequest, form_class: type[FormType], initial: Mapping[str, Any]
) -> FormType:
    """Return the page's form as it was typed if it was kept, otherwise with its initial values.

    Hidden fields always get their current values. Errors are shown once. What was typed stays
    until `forget_form` is called.
    """
    kept = request.session.get(SESSION_KEY)
    if not kept or kept["path"] != request.path:
        return form_class(initial=dict(initial))

    hidden = {name for name, field in form_class.base_fields.items() if field.widget.is_hidden}
    typed = {name: value for name, value in kept["typed"].items() if name not in hidden}
    values = {**initial, **typed}
    if not kept["errors"]:
        return form_class(initial=values)

    request.session[SESSION_KEY] = {**kept, "errors": {}}
    return _with_errors(form_class(values), kept["errors"])


def forget_form(request: HttpRequest) -> None:
    """Drop the kept form after its values have been saved."""
    request.session.pop(SESSION_KEY, None)


def _with_errors(form: FormType, errors: Mapping[str, list[str]]) -> FormType:
    # The form is not validated a second time. That would report the password, which was not
    # kept, as missing.
    form.errors.clear()
    for name, messages in errors.items():
        field = None if name == NON_FIELD_ERRORS or name not in form.fields else name
        for message in messages:
            form.add_error(field, message)
    return form
