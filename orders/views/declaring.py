"""The two functions that the law gives without sign-in: *Withdraw*, and *Cancel contracts here*.

Each is one page, its confirm page under the same address, and a receipt. Nothing here depends on
whether there is such a contract (docs/contract.md#subscriptions).
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access.guessing import network_of
from accounts.access.limiter import Locked
from accounts.domain.telling import addresses_to_tell
from accounts.models import User
from accounts.texts import then_wait
from accounts.views.shared import market_of
from moportal.web.kept_forms import (
    forget_form,
    keep_form,
    keeps_form,
    redirect_back,
    restore_form,
)
from orders.declaration_form import DeclarationForm
from orders.domain.declaring import Where, declare
from orders.models import Declaration
from orders.queries.orders import orders_of
from orders.states import DeclarationKind
from orders.views.steps import redirect_to

SESSION_KEY = "declaration"
ROUTES = {DeclarationKind.WITHDRAWAL: "withdraw", DeclarationKind.CANCEL: "cancel"}


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_form(DeclarationForm)
def withdraw(request: HttpRequest) -> HttpResponse:
    """Take a withdrawal from a contract."""
    return _declare(request, DeclarationKind.WITHDRAWAL)


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_form(DeclarationForm)
def cancel(request: HttpRequest) -> HttpResponse:
    """Take the cancellation of a contract."""
    return _declare(request, DeclarationKind.CANCEL)


@require_safe
def declared(request: HttpRequest) -> HttpResponse:
    """Show the receipt of what this browser has declared last."""
    return _receipt(request, lambda found: render(request, "orders/declared.html", found))


@require_safe
def declared_file(request: HttpRequest) -> HttpResponse:
    """Return the same receipt as a file to keep."""

    def save(found: dict[str, Any]) -> HttpResponse:
        answer = render(request, "orders/declared_file.html", found)
        name = f"receipt-{found['declaration'].reference}.html"
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer

    return _receipt(request, save)


def _receipt(request: HttpRequest, show: Callable[[dict[str, Any]], HttpResponse]) -> HttpResponse:
    found = Declaration.objects.filter(pk=request.session.get(SESSION_KEY, 0)).first()
    if found is None:
        return redirect_to("withdraw")
    return show(_context(DeclarationKind(found.kind)) | {"declaration": found})


def _declare(request: HttpRequest, kind: DeclarationKind) -> HttpResponse:
    if request.method == "POST" and "key" in request.POST:
        return _send(request, kind)
    if request.method == "POST":
        return _check(request, kind)
    form = restore_form(request, DeclarationForm, _known_values(request))
    wants_confirm = request.GET.get("step") == "confirm" and not form.errors
    typed = _read(request, form.initial) if wants_confirm else None
    if typed is None or not typed.is_valid():
        return render(request, "orders/declare.html", _context(kind) | {"form": form})
    context = _context(kind) | {"form": typed, "key": uuid4(), "back_url": reverse(ROUTES[kind])}
    return render(request, "orders/declare_confirm.html", context)


def _check(request: HttpRequest, kind: DeclarationKind) -> HttpResponse:
    """Keep what was typed in the browser, and lead to the confirm page."""
    form = _read(request, request.POST)
    if not form.is_valid():
        return redirect_back(request, form)
    keep_form(request)
    return redirect_to(ROUTES[kind], query="step=confirm")


def _send(request: HttpRequest, kind: DeclarationKind) -> HttpResponse:
    """Store what the confirm page showed, and lead to its receipt."""
    form, key = _read(request, request.POST), _key(request.POST["key"])
    if key is None or not form.is_valid():
        return redirect_back(request, form)
    where = Where(
        language=get_language() or settings.LANGUAGE_CODE,
        market=market_of(request),
        network=network_of(request),
        account=_customer(request),
    )
    try:
        declaration = declare(key, form.typed(kind), where)
    except Locked as locked:
        several = _("Several of these forms were sent just now.")
        form.add_error(None, then_wait(several, locked))
        return redirect_back(request, form)
    forget_form(request)
    request.session[SESSION_KEY] = declaration.pk
    return redirect_to("declared")


def _read(request: HttpRequest, values: Any) -> DeclarationForm:
    form = DeclarationForm(values)
    form.market = market_of(request)
    return form


def _key(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _customer(request: HttpRequest) -> User | None:
    user = request.user
    return user if isinstance(user, User) and not user.is_staff else None


def _known_values(request: HttpRequest) -> dict[str, str]:
    """Return what is filled in for a customer who is signed in."""
    user = _customer(request)
    if user is None:
        return {}
    addresses, order = addresses_to_tell(user), orders_of(user).first()
    return {
        "name": user.name,
        "address": addresses[0] if addresses else "",
        "contract": order.display_number if order else "",
    }


def _context(kind: DeclarationKind) -> dict[str, Any]:
    return {"is_withdrawal": kind == DeclarationKind.WITHDRAWAL, "page": reverse(ROUTES[kind])}
