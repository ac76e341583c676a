"""`/lines/`: attach this device to a plan that the customer already has (docs/policies.md#j3)."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.domain import reentry
from accounts.models import User
from moportal.web.kept_forms import (
    forget_form,
    keep_form,
    keeps_form,
    redirect_back,
    restore_form,
)
from orders import line_texts
from orders.domain import attach_offers, drafts
from orders.domain.attach_offers import AttachOffer
from orders.domain.drafts import StaleForm
from orders.forms import LineForm, initial_for
from orders.models import Draft
from orders.states import OrderKind
from orders.views.steps import (
    check_draft,
    enter_step,
    frame_context,
    redirect_stale_form,
    redirect_to,
    redirect_to_open_step,
    redirect_to_reentry,
    shopper_only,
)


@require_http_methods(["GET", "HEAD", "POST"])
@shopper_only
@keeps_form(LineForm)
def lines(request: HttpRequest, user: User) -> HttpResponse:
    """Show the customer's running plans, and save which one this device will share.

    Before a plan is chosen, the password or a code is asked for again.
    """
    visit, draft = enter_step(request, user, "lines")
    offers = attach_offers.offers_of(user, visit)
    if request.method == "POST":
        if not reentry.is_fresh(request):
            keep_form(request)
            return redirect_to_reentry(request)
        return _save_choice(request, user, draft, offers)
    chosen = draft.running_plan if draft.kind == OrderKind.ATTACH else None
    first = initial_for(draft, plan=chosen.reference if chosen else "")
    form = restore_form(request, LineForm, first)
    selected = str(form["plan"].value())
    context = {
        "form": form,
        "rows": [_row(offer, selected) for offer in offers if offer.why_not is None],
        "others": [_row(offer, selected) for offer in offers if offer.why_not is not None],
        "waits_until": attach_offers.waits_until(user),
        **frame_context("lines", back_url=reverse("options")),
    }
    return render(request, "orders/lines.html", context)


def _save_choice(
    request: HttpRequest, user: User, draft: Draft, offers: list[AttachOffer]
) -> HttpResponse:
    """Save a valid choice and redirect to the next step."""
    form = LineForm(request.POST)
    if not form.is_valid():
        if form.cleaned_data.get("draft") != draft.pk:
            return redirect_stale_form(request, form.cleaned_data.get("draft"), user)
        return redirect_back(request, form)
    wish = form.cleaned_data["plan"]
    offer = next((one for one in offers if one.plan.reference == wish), None)
    if offer is None or offer.why_not is not None or attach_offers.waits_until(user):
        # The page says why.
        forget_form(request)
        return redirect_to("lines")
    try:
        check_draft(draft, form)
        drafts.choose_running_plan(draft, offer, version=form.cleaned_data["version"])
    except StaleForm:
        return redirect_stale_form(request, form.cleaned_data["draft"], user)
    forget_form(request)
    return redirect_to_open_step(draft)


def _row(offer: AttachOffer, selected: str) -> dict[str, Any]:
    name = line_texts.line_name(offer.plan.line)
    can_choose = offer.why_not is None
    return {
        "id": offer.plan.reference,
        "name": f"{offer.plan.plan_name} · {name}" if name else offer.plan.plan_name,
        "text": line_texts.places(offer) if can_choose else line_texts.why_not(offer),
        "selected": offer.plan.reference == selected,
    }
