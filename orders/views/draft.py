"""Options, plans, payment, review: the pages that fill the draft."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from accounts.models import User
from mobileplans.models import Visit
from orders import drafts, placing, queries
from orders.drafts import StaleForm
from orders.forms import NEW_CARD, PaymentForm, PlanForm, ReviewForm
from orders.models import Draft, Order
from orders.views.steps import arrive, customer_only, first_open_step, frame, go, what_changed
from payments import domain as payments
from payments.gateways.base import CardRefused, GatewayTrouble
from payments.models import PaymentMethod
from plans.models import Category
from plans.queries import Offer, PlanNotOffered, offers, validity_text

CATEGORY_TITLES = {
    Category.PREPAID: lambda: _("Prepaid plans"),
    Category.RECURRING: lambda: _("Monthly plans"),
}
MANY = 2


@require_GET
@customer_only
def options(request: HttpRequest, user: User) -> HttpResponse:
    """Show what there is to choose between, as large tiles (policy J3)."""
    visit, _draft = arrive(request, user, "options")
    if visit.refused_as:
        return go("launch-refused")
    sold = {offer.plan.category for offer in _offers(visit)}
    waiting = queries.order_to_hand_over(user, visit)
    context = {
        "tiles": [*([_order_tile(waiting)] if waiting else []), *_tiles(sold)],
        "empty": not sold,
        "location": visit.location,
        "market": visit.market,
        **frame("options", back_url=None),
    }
    return render(request, "orders/options.html", context)


def _order_tile(order: Order) -> dict[str, str]:
    """Return the way back to an order whose result no host was given yet."""
    return {
        "title": _("Your order %(number)s") % {"number": order.display_number},
        "text": _("See where it stands, and go on."),
        "url": reverse("order", args=[order.number]),
        "icon": "check",
    }


def _tiles(sold: set[str]) -> list[dict[str, str]]:
    plans = reverse("plans")
    tiles = {
        Category.PREPAID: (_("Prepaid plans"), _("Pay once, use it up. Nothing to cancel.")),
        Category.RECURRING: (_("Monthly plans"), _("Renews every month until you cancel.")),
    }
    found = [
        {"title": title, "text": text, "url": f"{plans}?category={category}", "icon": str(category)}
        for category, (title, text) in tiles.items()
        if category in sold
    ]
    account = {
        "title": _("My account"),
        "text": _("Your plans, what is left on them, and your orders."),
        "url": reverse("account"),
        "icon": "account",
    }
    return [*found, account]


@require_http_methods(["GET", "POST"])
@customer_only
def plans(request: HttpRequest, user: User) -> HttpResponse:
    """Choose a plan."""
    visit, draft = arrive(request, user, "plans")
    form = PlanForm(request.POST) if request.method == "POST" else PlanForm.shown_for(draft)
    if request.method == "POST":
        answer = _plan_chosen(request, user, draft, form)
        if answer is not None:
            return answer
        form.redraw_for(draft)
    category = _category(request, draft)
    found = _offers(visit, category)
    context = {
        "form": form,
        "offers": [_tile(offer, draft) for offer in found],
        "location": visit.location,
        "category_title": CATEGORY_TITLES[category](),
        **frame("plans", back_url=reverse("options")),
    }
    return render(request, "orders/plans.html", context)


def _plan_chosen(
    request: HttpRequest, user: User, draft: Draft, form: PlanForm
) -> HttpResponse | None:
    """Store a right choice and go on; None where the form must be shown again."""
    if not form.is_valid():
        if form.cleaned_data.get("draft") != draft.pk:
            return what_changed(request, form.cleaned_data.get("draft"), user)
        return None
    try:
        _refuse_other_draft(draft, form)
        offer = drafts.offer_of(draft, form.cleaned_data["plan"])
        drafts.choose_plan(draft, offer, version=form.cleaned_data["version"])
    except StaleForm:
        return what_changed(request, form.cleaned_data["draft"], user)
    except PlanNotOffered:
        form.add_error("plan", _("This plan is no longer on offer. Choose another one."))
        return None
    return go("payment")


def _refuse_other_draft(draft: Draft, form: PlanForm | PaymentForm | ReviewForm) -> None:
    if form.cleaned_data["draft"] != draft.pk:
        raise StaleForm(draft.pk)


def _category(request: HttpRequest, draft: Draft) -> Category:
    """Return the category asked for; else that of the plan chosen; else prepaid."""
    asked = request.GET.get("category") or (draft.plan.category if draft.plan else "")
    return Category(asked) if asked in Category.values else Category.PREPAID


def _offers(visit: Visit, category: str | None = None) -> list[Offer]:
    return offers(
        market=visit.market,
        location=visit.location,
        language=get_language() or "en",
        category=category,
    )


def _tile(offer: Offer, draft: Draft) -> dict[str, Any]:
    return {
        "id": offer.plan.pk,
        "name": offer.name,
        "data_bytes": offer.plan.data_bytes,
        "validity_text": offer.validity_text,
        "countries": offer.countries,
        "others": len(offer.countries) - 1,
        "price": offer.price.taxed.gross,
        "tax_text": offer.tax_text,
        "selected": offer.plan.pk == draft.plan_id,
    }


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
@customer_only
def payment(request: HttpRequest, user: User) -> HttpResponse:
    """Choose how to pay: a stored card or a new one."""
    _visit, draft = arrive(request, user, "payment")
    methods = list(queries.methods_of(user))
    if request.method == "POST":
        form = PaymentForm(request.POST)
        answer = _method_chosen(request, user, draft, form)
        if answer is not None:
            return answer
        form.redraw_for(draft)
        form.forget_card()
    elif draft.plan_id is None:
        return go("options")
    else:
        chosen = draft.method if draft.method in methods else queries.preferred_method(methods)
        form = PaymentForm.shown_for(draft, method=chosen.pk if chosen else NEW_CARD)
    return render(request, "orders/payment.html", _payment_context(draft, form, methods))


def _payment_context(
    draft: Draft, form: PaymentForm, methods: list[PaymentMethod]
) -> dict[str, Any]:
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
    category = draft.plan.category if draft.plan else Category.PREPAID
    back_url = f"{reverse('plans')}?category={category}"
    return {"form": form, "methods": rows, **frame("payment", back_url=back_url)}


def _method_chosen(
    request: HttpRequest, user: User, draft: Draft, form: PaymentForm
) -> HttpResponse | None:
    """Store the method and go on; None where the form must be shown again."""
    if not form.is_valid():
        return None
    try:
        _refuse_other_draft(draft, form)
        if form.cleaned_data["version"] != draft.version:
            raise StaleForm(draft.pk)
        method = _method(user, form)
        if method is None:
            return None
        drafts.choose_method(draft, method, version=draft.version)
    except StaleForm:
        return what_changed(request, form.cleaned_data["draft"], user)
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


@require_http_methods(["GET", "POST"])
@customer_only
def review(request: HttpRequest, user: User) -> HttpResponse:
    """Show all that matters once more (policy J4); Submit order."""
    visit, draft = arrive(request, user, "review")
    if request.method == "POST":
        return _submitted(request, user, draft, ReviewForm(request.POST))
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


def _submitted(request: HttpRequest, user: User, draft: Draft, form: ReviewForm) -> HttpResponse:
    """Place the order; a spent or stale form leads to the order it made, or to what changed."""
    if not form.is_valid():
        return what_changed(request, form.cleaned_data.get("draft"), user)
    mine = Draft.objects.filter(account=user, pk=form.cleaned_data["draft"]).first() or draft
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
        "form": ReviewForm.shown_for(draft),
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
