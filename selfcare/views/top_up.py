"""`/account/plans/<reference>/add-data/`: buy a prepaid plan for the line of a plan.

The order is like any other. Only its SIM is chosen already: it is the line's own, even if that is
in another device.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.models import User
from esim.models import Sim
from mobileplans.domain import visits
from moportal.web.kept_forms import keeps_form, redirect_back, restore_form
from orders.domain import drafts, targets
from orders.forms import PlanForm, initial_for
from orders.line_texts import line_name
from orders.models import Draft
from orders.queries.offers import all_paused, offers_for
from orders.views.plans import answer_choice, plan_tile, tiles_context
from orders.views.steps import customer_only, redirect_to, redirect_to_open_step
from plans.models import Category
from plans.queries import Offer
from selfcare.views.plans import own_plan


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_form(PlanForm)
@customer_only
def top_up(request: HttpRequest, user: User, reference: str) -> HttpResponse:
    """Show the prepaid plans, and take the choice for this line."""
    subscription = own_plan(user, reference)
    draft = drafts.open_draft(user, visits.get_or_begin(request))
    sim = targets.sim_to_top_up(subscription, draft.visit)
    if sim is None:
        return redirect_to("plan", reference)
    if request.method == "POST":
        return _save_plan(request, user, draft, sim)
    form = restore_form(request, PlanForm, initial_for(draft))
    chosen = str(form["plan"].value())
    found = offers_for(draft.visit, Category.PREPAID, account=user, new_esim=False)
    paused = all_paused(found)
    context = {
        "plan": subscription,
        "line_name": line_name(subscription.line),
        "form": form,
        "paused": paused,
        **tiles_context([] if paused else [plan_tile(offer, chosen) for offer in found]),
        "location": draft.visit.location,
        "back_url": reverse("plan", args=[reference]),
    }
    return render(request, "selfcare/top_up.html", context)


def _save_plan(request: HttpRequest, user: User, draft: Draft, sim: Sim) -> HttpResponse:
    form = PlanForm(request.POST)
    if not form.is_valid():
        return redirect_back(request, form)

    def choose(offer: Offer, version: int) -> HttpResponse:
        drafts.choose_top_up(draft, offer, sim, version=version)
        return redirect_to_open_step(draft)

    return answer_choice(request, user, draft, form, choose, new_esim=False)
