"""The options page and the plans page."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from mobileplans.domain import visits
from moportal.web.kept_forms import (
    forget_form,
    keep_form,
    keeps_form,
    redirect_back,
    restore_form,
)
from orders import texts
from orders.domain import drafts, problems, targets
from orders.domain.consent import renewal_day
from orders.domain.drafts import StaleForm
from orders.forms import PlanForm, initial_for
from orders.models import Draft, Order
from orders.queries import orders as queries
from orders.queries.offers import Shelf, all_paused, shelf
from orders.views.steps import (
    check_draft,
    enter_step,
    frame_context,
    redirect_stale_form,
    redirect_to,
    shopper_only,
)
from plans.models import Category
from plans.queries import Offer, PlanNotOffered
from subscriptions.domain import linking, sharing

CATEGORY_TITLES = {
    Category.PREPAID: lambda: _("Prepaid plans"),
    Category.RECURRING: lambda: _("Monthly plans"),
}
# A tile names no more countries than these.
MOST_NAMED = 3


@require_safe
@shopper_only
def options(request: HttpRequest, user: User) -> HttpResponse:
    """Show the services on offer as large tiles (docs/policies.md#j3)."""
    visit, _draft = enter_step(request, user, "options")
    on_offer = shelf(visit, user)
    paused = all_paused(on_offer.offers)
    sold = set() if paused else {offer.plan.category for offer in on_offer.offers}
    waiting = queries.order_to_hand_over(user, visit)
    context = {
        "tiles": [
            *([_failure_tile()] if problems.failed_at_smdp(user) else []),
            *([_order_tile(waiting)] if waiting else []),
            *([_sim_tile()] if visits.may_prove_sim_of_another(visit, user) else []),
            *_option_tiles(sold, can_attach=bool(sharing.running_plans(user))),
        ],
        "empty": not sold and not paused,
        "paused": paused,
        **_identity_context(on_offer),
        "location": visit.location,
        "market": visit.market,
        **frame_context("options", back_url=None),
    }
    return render(request, "orders/options.html", context)


def _identity_context(on_offer: Shelf) -> dict[str, bool]:
    """Return what the page says of plans that need a line with an identified holder."""
    return {"lacks_identity": on_offer.lacks_identity, "may_link": linking.is_offered()}


def _order_tile(order: Order) -> dict[str, str]:
    """Return the tile that leads to an order whose result no host has received."""
    return {
        "title": _("Your order %(number)s") % {"number": order.display_number},
        "text": _("Check its status and continue."),
        "url": reverse("order", args=[order.number]),
        "icon": "check",
    }


def _failure_tile() -> dict[str, str]:
    """Return the tile that leads to help with a download that failed since the last visit."""
    return {
        "title": _("Your eSIM isn't on your device yet"),
        "text": _("The download failed. See what to do."),
        "url": reverse("problem"),
        "icon": "alert",
    }


def _sim_tile() -> dict[str, str]:
    """Return the tile that leads to the proof of an eSIM that another customer uses."""
    return {
        "title": _("Is the eSIM on this device yours?"),
        "text": _("It's on another account. Confirm that it's yours to use it."),
        "url": reverse("sim"),
        "icon": "device",
    }


def _option_tiles(sold: set[str], *, can_attach: bool) -> list[dict[str, str]]:
    plans = reverse("plans")
    tiles = {
        Category.PREPAID: (_("Prepaid plans"), _("Pay once. No renewal, nothing to cancel.")),
        Category.RECURRING: (_("Monthly plans"), _("Renews every month until you cancel.")),
    }
    found = [
        {"title": title, "text": text, "url": f"{plans}?category={category}", "icon": str(category)}
        for category, (title, text) in tiles.items()
        if category in sold
    ]
    account = {
        "title": _("My account"),
        "text": _("Your plans, remaining data and orders."),
        "url": reverse("account"),
        "icon": "account",
    }
    attach = {
        "title": _("Attach this device to a plan you have"),
        "text": _("Share the data of a plan you already use."),
        "url": reverse("lines"),
        "icon": "device",
    }
    return [*found, *([attach] if can_attach else []), account]


@require_http_methods(["GET", "HEAD", "POST"])
@shopper_only
@keeps_form(PlanForm)
def plans(request: HttpRequest, user: User) -> HttpResponse:
    """Show the plans of a category and save the choice."""
    visit, draft = enter_step(request, user, "plans")
    if request.method == "POST":
        return _save_plan(request, user, draft, PlanForm(request.POST))
    form = restore_form(request, PlanForm, initial_for(draft, plan=draft.plan_id))
    category = _selected_category(request, draft)
    on_offer = shelf(visit, user, category)
    paused = all_paused(on_offer.offers)
    found = [] if paused else on_offer.offers
    context = {
        "form": form,
        "paused": paused,
        **tiles_context([plan_tile(one, str(form["plan"].value())) for one in found]),
        **_identity_context(on_offer),
        "location": visit.location,
        "category_title": CATEGORY_TITLES[category](),
        **frame_context("plans", back_url=reverse("options")),
    }
    return render(request, "orders/plans.html", context)


def _save_plan(request: HttpRequest, user: User, draft: Draft, form: PlanForm) -> HttpResponse:
    """Save a valid choice and redirect to the next step."""
    if not form.is_valid():
        if form.cleaned_data.get("draft") != draft.pk:
            return redirect_stale_form(request, form.cleaned_data.get("draft"), user)
        return redirect_back(request, form)

    def choose(offer: Offer, version: int) -> HttpResponse:
        drafts.choose_plan(draft, offer, version=version)
        return redirect_to("payment" if targets.target(draft) else "device")

    return answer_choice(request, user, draft, form, choose)


def answer_choice(
    request: HttpRequest,
    user: User,
    draft: Draft,
    form: PlanForm,
    choose: Callable[[Offer, int], HttpResponse],
    *,
    new_esim: bool = True,
) -> HttpResponse:
    """Return what `choose` returns for the offer and the draft's version that a valid form names.

    If the form is stale, or the plan is not offered any more or not sold now, the page says so
    instead. If the customer asks for the plan's terms, they are shown, and the form is kept for the
    way back.
    """
    if "terms" in request.POST:
        keep_form(request)
        way_back = urlencode({"next": request.get_full_path()})
        return redirect_to("plan-terms", form.cleaned_data["plan"], query=way_back)
    try:
        check_draft(draft, form)
        offer = drafts.offer_of(draft, form.cleaned_data["plan"], new_esim=new_esim)
        if offer.paused:
            form.add_error("plan", offer.paused)
            return redirect_back(request, form)
        answer = choose(offer, form.cleaned_data["version"])
    except StaleForm:
        return redirect_stale_form(request, form.cleaned_data["draft"], user)
    except PlanNotOffered:
        form.add_error("plan", _("This plan is no longer available. Choose another one."))
        return redirect_back(request, form)
    forget_form(request)
    return answer


def _selected_category(request: HttpRequest, draft: Draft) -> Category:
    """Return the requested category, otherwise the chosen plan's, otherwise prepaid."""
    asked = request.GET.get("category") or (draft.plan.category if draft.plan else "")
    return Category(asked) if asked in Category.values else Category.PREPAID


def tiles_context(tiles: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the context of the tiles. A long list of countries is below them, not in its tile."""
    return {"offers": tiles, "long_lists": [tile for tile in tiles if tile["is_long"]]}


def plan_tile(offer: Offer, selected: str, *, note: str = "") -> dict[str, Any]:
    """Return what the plan's tile says. The note takes the place of the words about renewing.

    While the sales of the plan are paused, the tile says that instead, and cannot be chosen.
    """
    return {
        "id": offer.plan.pk,
        "name": offer.name,
        "data_bytes": offer.plan.data_bytes,
        "validity_text": offer.validity_text,
        "countries": offer.countries,
        "is_long": len(offer.countries) > MOST_NAMED,
        "others": len(offer.countries) - 1,
        "price": offer.price.taxed.gross,
        "is_taxed": offer.price.tax_rate > 0,
        "renewal_text": offer.paused or note or _renewal_text(offer),
        "is_paused": bool(offer.paused),
        "selected": str(offer.plan.pk) == selected and not offer.paused,
    }


def _renewal_text(offer: Offer) -> str:
    """Return when a plan that is bought now renews, for how much, and how to stop that."""
    if not offer.plan.renews:
        return ""
    return texts.renewal(renewal_day(offer.plan, now()), offer.price.taxed.gross)
