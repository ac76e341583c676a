"""Review: all that matters once more, and Submit order."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.models import User
from mobileplans import visits
from mobileplans.models import Visit
from orders import drafts, placing
from orders.drafts import StaleForm
from orders.forms import ReviewForm, shown_for
from orders.models import Draft
from orders.views.steps import (
    arrive,
    first_open_step,
    frame,
    go,
    shopper_only,
    what_changed,
)
from plans.queries import PlanNotOffered, validity_text


@require_http_methods(["GET", "HEAD", "POST"])
@shopper_only
def review(request: HttpRequest, user: User) -> HttpResponse:
    """Show all that matters once more (policy J4); Submit order."""
    if request.method == "POST":
        return _submitted(request, user, ReviewForm(request.POST))
    visit, draft = arrive(request, user, "review")
    if draft.plan is None or draft.method is None:
        return first_open_step(draft)
    try:
        price_change = drafts.bring_up_to_date(draft)
    except PlanNotOffered:
        messages.warning(
            request, _("The plan you chose is no longer on offer here. Choose another one.")
        )
        return go("options")
    except StaleForm:
        return go("review")
    context = _review_context(draft, visit) | {"price_change": price_change}
    return render(request, "orders/review.html", context)


def _submitted(request: HttpRequest, user: User, form: ReviewForm) -> HttpResponse:
    """Place the order; a spent or stale form leads to the order it made, or to what changed."""
    if not form.is_valid():
        return what_changed(request, form.cleaned_data.get("draft"), user)
    mine = Draft.objects.filter(account=user, pk=form.cleaned_data["draft"]).first()
    if mine is None:
        return what_changed(request, form.cleaned_data["draft"], user)
    if mine.submitted_at is None:
        # Shown for another device, it gets a new version by being taken over, and the form is old.
        drafts.open_draft(user, visits.current(request))
    try:
        order = placing.place(mine, version=form.cleaned_data["version"])
    except StaleForm:
        return what_changed(request, form.cleaned_data["draft"], user)
    return go("order", order.number)


def _review_context(draft: Draft, visit: Visit) -> dict[str, Any]:
    plan, price = draft.plan, draft.price
    assert plan is not None  # noqa: S101 -- the page is not entered without a plan
    is_physical = bool(visit.iccid)
    return {
        "form": ReviewForm(initial=shown_for(draft)),
        "draft": {"plan_name": draft.plan_name, "plan_id": plan.pk, "category": plan.category},
        "data_bytes": plan.data_bytes,
        "validity_text": validity_text(plan.category, plan.validity_days),
        "countries": [row.country for row in plan.countries.all()],
        "device_text": _("The SIM in this device")
        if is_physical
        else _("This device, as a new eSIM"),
        "device_note": "" if is_physical else _("Your other SIMs stay as they are"),
        "method": draft.method,
        "price": price.gross,
        "net": price.net,
        "tax": price.tax,
        "tax_rate_text": f"{draft.tax_rate / 100:g} %",
        **frame("review", back_url=reverse("payment")),
    }
