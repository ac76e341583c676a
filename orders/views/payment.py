"""Payment: a stored method, or a new card exchanged for a token."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.models import User
from moportal.returning import carried_out, returned, send_back
from orders import drafts, queries, targets
from orders.drafts import StaleForm
from orders.forms import NEW_CARD, PaymentForm, shown_for
from orders.models import Draft
from orders.views.steps import (
    arrive,
    first_open_step,
    frame,
    go,
    refuse_other_draft,
    shopper_only,
    what_changed,
)
from payments import domain as payments
from payments.gateways.base import CardRefused, GatewayTrouble
from payments.models import PaymentMethod
from plans.models import Category


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@shopper_only
def payment(request: HttpRequest, user: User) -> HttpResponse:
    """Choose how to pay: a stored card or a new one."""
    _visit, draft = arrive(request, user, "payment")
    if request.method == "POST":
        return _method_chosen(request, user, draft, PaymentForm(request.POST))
    choice = targets.choice(draft)
    if draft.plan_id is None or choice.target is None:
        return first_open_step(draft)
    methods = list(queries.methods_of(user))
    chosen = draft.method if draft.method in methods else queries.preferred_method(methods)
    first = shown_for(draft, method=chosen.pk if chosen else NEW_CARD)
    form = returned(request, PaymentForm, first)
    category = draft.plan.category if draft.plan else Category.PREPAID
    back_url = reverse("device") if choice.is_open else f"{reverse('plans')}?category={category}"
    context = _payment_context(form, methods) | frame("payment", back_url=back_url)
    return render(request, "orders/payment.html", context)


def _payment_context(form: PaymentForm, methods: list[PaymentMethod]) -> dict[str, Any]:
    selected = str(form["method"].value())
    rows = [
        {
            "id": method.pk,
            "brand": method.brand,
            "last4": method.last4,
            "expiry": method.expiry,
            "selected": str(method.pk) == selected,
        }
        for method in methods
    ]
    return {"form": form, "methods": rows}


def _method_chosen(
    request: HttpRequest, user: User, draft: Draft, form: PaymentForm
) -> HttpResponse:
    """Store the method and go on."""
    if not form.is_valid():
        return send_back(request, form)
    try:
        refuse_other_draft(draft, form)
        if form.cleaned_data["version"] != draft.version:
            # Before the gateway is asked for anything.
            raise StaleForm(draft.pk)
        method = _method(user, form)
        if method is None:
            return send_back(request, form)
        drafts.choose_method(draft, method, version=draft.version)
    except StaleForm:
        return what_changed(request, form.cleaned_data["draft"], user)
    carried_out(request)
    return go("review") if draft.plan_id else first_open_step(draft)


def _method(user: User, form: PaymentForm) -> PaymentMethod | None:
    """Return the stored method, or the new card's; None with the reason in the form."""
    chosen = form.cleaned_data["method"]
    if chosen != NEW_CARD:
        stored = (
            queries.methods_of(user)
            .filter(pk=chosen if chosen.isascii() and chosen.isdigit() else 0)
            .first()
        )
        if stored is None:
            form.add_error(
                "method", _("This payment method is no longer there. Choose another one.")
            )
        return stored
    try:
        return payments.add_card(user, form.card())
    except CardRefused as error:
        form.add_error(
            error.field, _("The bank does not accept this. Check it, or use another card.")
        )
    except GatewayTrouble:
        form.add_error(
            None, _("We can't reach the payment service. Nothing was charged; please try again.")
        )
    return None
