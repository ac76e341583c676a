"""A form that was not carried out comes back by a 303, filled with what was typed.

Every POST ends in a redirect, so that Back and reload never ask to send a form again; nothing that
was typed is lost; and passwords and card data are never kept (contract, section 3).
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

SESSION_KEY = "returned_form"
NEVER_KEPT = frozenset({"csrfmiddlewaretoken", "password", "number", "expiry", "csc"})
MOST_FIELDS, LONGEST_VALUE = 20, 300
FormType = TypeVar("FormType", bound=forms.Form)


def keep(request: HttpRequest, errors: Mapping[str, Any] | None = None) -> None:
    """Remember what was typed on this page, and what was wrong with it."""
    typed = {
        name: str(value)[:LONGEST_VALUE]
        for name, value in list(request.POST.items())[:MOST_FIELDS]
        if name not in NEVER_KEPT
    }
    request.session[SESSION_KEY] = {"path": request.path, "typed": typed, "errors": errors or {}}


def send_back(request: HttpRequest, form: forms.Form) -> HttpResponse:
    """Answer 303 to the form's own page, which will show it with its errors."""
    errors = {
        name: [str(message) for message in messages] for name, messages in form.errors.items()
    }
    keep(request, errors)
    return HttpResponseRedirect(request.get_full_path(), status=303)


def returned(
    request: HttpRequest, form_class: type[FormType], initial: Mapping[str, Any]
) -> FormType:
    """Return the page's form: as it was typed where it came back, else with its first values.

    Hidden fields are always as they are now. Errors are shown once; what was typed stays until the
    form is carried out.
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


def carried_out(request: HttpRequest) -> None:
    """Forget what was typed: it is stored where it belongs now."""
    request.session.pop(SESSION_KEY, None)


def _with_errors(form: FormType, errors: Mapping[str, list[str]]) -> FormType:
    # Not validated anew: a password that was not kept would be called missing.
    form.errors.clear()
    for name, messages in errors.items():
        field = None if name == NON_FIELD_ERRORS or name not in form.fields else name
        for message in messages:
            form.add_error(field, message)
    return form
