"""`/lines/`: this device shares a plan that the customer already has, or the plan moves to it.

See docs/policies.md#j3 and docs/subscriptions.md#move.
"""

from collections.abc import Sequence
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
from orders.domain import attach_offers, drafts, move_offers
from orders.domain.attach_offers import AttachOffer, WhyNot
from orders.domain.drafts import StaleForm
from orders.domain.move_offers import MoveOffer
from orders.forms import LineForm, initial_for
from orders.models import Draft
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
from subscriptions.models import Subscription


@require_http_methods(["GET", "HEAD", "POST"])
@shopper_only
@keeps_form(LineForm)
def lines(request: HttpRequest, user: User) -> HttpResponse:
    """Show the customer's running plans, and save which one this device will share or take over.

    Before a plan is chosen, the password or a code is asked for again.
    """
    visit, draft = enter_step(request, user, "lines")
    shares, takes = attach_offers.offers_of(user, visit), move_offers.offers_of(user, visit)
    if request.method == "POST":
        if not reentry.is_fresh(request):
            keep_form(request)
            return redirect_to_reentry(request)
        return _save_choice(request, user, draft, [*shares, *takes])
    form = restore_form(request, LineForm, initial_for(draft, plan=_chosen(draft)))
    selected = str(form["plan"].value())
    context = {
        "form": form,
        "rows": [_row(offer, selected) for offer in shares if _can_be_chosen(offer)],
        "moves": [_move_row(offer, selected) for offer in takes if _can_be_chosen(offer)],
        "others": _others(shares, takes),
        "waits_until": attach_offers.waits_until(user),
        **frame_context("lines", back_url=reverse("options")),
    }
    return render(request, "orders/lines.html", context)


def _save_choice(
    request: HttpRequest, user: User, draft: Draft, offers: Sequence[AttachOffer | MoveOffer]
) -> HttpResponse:
    """Save a valid choice and redirect to the next step."""
    form = LineForm(request.POST)
    if not form.is_valid():
        if form.cleaned_data.get("draft") != draft.pk:
            return redirect_stale_form(request, form.cleaned_data.get("draft"), user)
        return redirect_back(request, form)
    wish = form.cleaned_data["plan"]
    offer = next((one for one in offers if _key(one) == wish), None)
    if offer is None or not _can_be_chosen(offer) or attach_offers.waits_until(user):
        # The page says why.
        forget_form(request)
        return redirect_to("lines")
    try:
        check_draft(draft, form)
        if isinstance(offer, MoveOffer):
            drafts.choose_move(draft, offer, version=form.cleaned_data["version"])
        else:
            drafts.choose_running_plan(draft, offer, version=form.cleaned_data["version"])
    except StaleForm:
        return redirect_stale_form(request, form.cleaned_data["draft"], user)
    forget_form(request)
    return redirect_to_open_step(draft)


def _can_be_chosen(offer: AttachOffer | MoveOffer) -> bool:
    is_paused = isinstance(offer, AttachOffer) and bool(offer.paused)
    return offer.why_not is None and not is_paused


def _chosen(draft: Draft) -> str:
    """Return the value of the row that the draft has, or an empty text."""
    plan = draft.running_plan
    if plan is None or not draft.adds_device:
        return ""
    return f"{plan.reference}:{draft.moves_from_id}" if draft.moves_from_id else plan.reference


def _key(offer: AttachOffer | MoveOffer) -> str:
    """Return the value of the offer's row: the plan, and the SIM that it leaves if it moves."""
    plan = offer.plan.reference
    return f"{plan}:{offer.stay.pk}" if isinstance(offer, MoveOffer) else plan


def _row(offer: AttachOffer, selected: str) -> dict[str, Any]:
    return {
        "id": _key(offer),
        "name": _name_of(offer.plan),
        "text": line_texts.places(offer),
        "selected": _key(offer) == selected,
    }


def _move_row(offer: MoveOffer, selected: str) -> dict[str, Any]:
    return {
        "id": _key(offer),
        "name": f"{offer.plan.plan_name} · {line_texts.sim_name(offer.stay.sim)}",
        "text": offer.plan.line.name,
        "selected": _key(offer) == selected,
    }


def _others(shares: list[AttachOffer], takes: list[MoveOffer]) -> list[dict[str, str]]:
    """Return the plans that cannot be chosen, each with its reason.

    That a plan is for one device is not said if it can be moved to this one.
    """
    why = {offer.plan.pk: offer.why_not for offer in takes}
    found = []
    for offer in shares:
        reason = why.get(offer.plan.pk) if offer.why_not == WhyNot.SINGLE else offer.why_not
        if reason is not None:
            text = line_texts.why_not(offer.plan, reason)
            found.append({"name": _name_of(offer.plan), "text": text})
        elif offer.paused and offer.why_not is None:
            found.append({"name": _name_of(offer.plan), "text": offer.paused})
    return found


def _name_of(plan: Subscription) -> str:
    name = line_texts.line_name(plan.line)
    return f"{plan.plan_name} · {name}" if name else plan.plan_name
