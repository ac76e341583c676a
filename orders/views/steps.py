"""What the pages of the journey share: access, redirects and the frame."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt

from accounts.domain import addresses, reentry
from accounts.models import User
from mobileplans.domain import visits
from mobileplans.models import Visit
from moportal.web.kept_forms import keep_form
from orders.domain.drafts import StaleForm, is_paid_for, open_draft
from orders.domain.targets import target
from orders.forms import DraftForm
from orders.models import Draft, Order
from orders.queries.orders import orders_of
from orders.states import OrderKind
from plans.queries import length_text

Rest = ParamSpec("Rest")
TITLES = {
    "options": (2, gettext_lazy("choose a plan")),
    "plans": (2, gettext_lazy("choose a plan")),
    "lines": (2, gettext_lazy("choose a plan")),
    "device": (2, gettext_lazy("your device")),
    "payment": (3, gettext_lazy("payment")),
    "review": (4, gettext_lazy("review")),
    "order": (5, gettext_lazy("order")),
}
STEPS = 5


def customer_only(
    view: Callable[Concatenate[HttpRequest, User, Rest], HttpResponse],
) -> Callable[Concatenate[HttpRequest, Rest], HttpResponse]:
    """Pass the signed-in customer to the view. Anyone else is sent to sign-in and then back.

    Staff sign in elsewhere. Here they count as signed out.
    """

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: Rest.args, **kwargs: Rest.kwargs) -> HttpResponse:
        user = request.user
        if isinstance(user, User) and not user.is_staff:
            return view(request, user, *args, **kwargs)
        if request.method == "POST":
            keep_form(request)
            messages.info(request, _("You were signed out. Sign in, then send the form again."))
        return redirect_to("sign-in", query=urlencode({"next": request.get_full_path()}))

    return guarded


def after_reentry(
    view: Callable[Concatenate[HttpRequest, User, Rest], HttpResponse],
) -> Callable[Concatenate[HttpRequest, User, Rest], HttpResponse]:
    """Ask for the password or a code again, unless that was done a few minutes ago.

    Use it below `customer_only`, on a view whose address also answers a GET. What was typed is
    kept.
    """

    @wraps(view)
    def guarded(
        request: HttpRequest, user: User, /, *args: Rest.args, **kwargs: Rest.kwargs
    ) -> HttpResponse:
        if reentry.is_fresh(request):
            return view(request, user, *args, **kwargs)
        if request.method == "POST":
            keep_form(request)
        return redirect_to_reentry(request)

    return guarded


def redirect_to_reentry(request: HttpRequest) -> HttpResponse:
    """Redirect to the page that asks who it is, and that leads back here."""
    return redirect_to("confirm", query=urlencode({"next": request.get_full_path()}))


def accept_post_back(
    view: Callable[Concatenate[HttpRequest, Rest], HttpResponse],
) -> Callable[Concatenate[HttpRequest, Rest], HttpResponse]:
    """Let a bank or a gateway send the browser back by POST.

    A browser sends no SameSite cookie with a POST from another site. Therefore the POST does
    nothing but redirect to the same address, and the GET that follows has the cookies again.
    """

    @csrf_exempt
    @wraps(view)
    def guarded(request: HttpRequest, /, *args: Rest.args, **kwargs: Rest.kwargs) -> HttpResponse:
        if request.method == "POST":
            return HttpResponseRedirect(request.get_full_path(), status=303)
        return view(request, *args, **kwargs)

    return guarded


def shopper_only(
    view: Callable[Concatenate[HttpRequest, User, Rest], HttpResponse],
) -> Callable[Concatenate[HttpRequest, Rest], HttpResponse]:
    """Admit customers whose launch was accepted. Without a device nothing can be bought."""

    @customer_only
    @wraps(view)
    def guarded(
        request: HttpRequest, user: User, /, *args: Rest.args, **kwargs: Rest.kwargs
    ) -> HttpResponse:
        visit = visits.get_or_begin(request)
        if visit.refused_as:
            return redirect_to("launch-refused")
        if visits.has_sim_of_another(visit):
            if visits.may_prove_sim_of_another(visit, user):
                return redirect_to("sim")
            return _refuse_sim_of_another(request, visit)
        return view(request, user, *args, **kwargs)

    return guarded


def _refuse_sim_of_another(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Say on arrival, and not after the payment, that the SIM has another owner.

    The visit is not refused for good: the owner may sign in next.
    """
    context = {
        "title": _("This SIM belongs to another account"),
        "text": _("Sign in to the account it belongs to. You haven't been charged."),
        "reference": visit.transaction_id,
        "cancel": True,
    }
    return render(request, "mobileplans/refused.html", context)


def prove_url(user: User, *, then: str = "") -> str:
    """Return where the customer can prove what they sign in with; empty if it is proven."""
    address = addresses.address_to_prove(user)
    if address is None:
        return ""
    query = f"?{urlencode({'next': then})}" if then else ""
    return reverse("address-prove", args=[address.pk]) + query


def redirect_to(name: str, *args: object, query: str = "") -> HttpResponseRedirect:
    """Return a 303 redirect to a page of the portal, by the name of its URL."""
    address = reverse(name, args=args)
    return HttpResponseRedirect(f"{address}?{query}" if query else address, status=303)


def get_own_order(user: User, number: str) -> Order:
    """Return the customer's order. For another customer's order the answer is 404."""
    return get_object_or_404(orders_of(user), number=number.upper().replace("-", ""))


def enter_step(request: HttpRequest, user: User, step: str) -> tuple[Visit, Draft]:
    """Record that the customer is on this page, and return the visit and the open draft."""
    visit = visits.get_or_begin(request)
    visits.note_step(visit, step)
    return visit, open_draft(user, visit)


def frame_context(step: str, *, back_url: str | None) -> dict[str, Any]:
    """Return the context of the page's frame: the step, Back and Cancel."""
    number, title = TITLES[step]
    return {
        "step": {"number": number, "total": STEPS, "title": title},
        "back_url": back_url,
        "cancel": True,
    }


def chosen_context(draft: Draft) -> dict[str, Any]:
    """Return what the bar says about the order: the plan, and the amount that is due now.

    A plan at the same price each month has that price "a month". A move costs nothing, so it has
    no amount.
    """
    plan = draft.plan
    if plan is None:
        return {}
    chosen = {
        "plan_name": draft.plan_name,
        "data_bytes": plan.data_bytes,
        "length_text": length_text(plan),
        "amount": None if draft.kind == OrderKind.MOVE else draft.price.gross,
        "is_monthly": draft.renews and draft.monthly_minor_units is None,
    }
    return {"chosen": chosen}


def redirect_stale_form(request: HttpRequest, draft_id: int | None, user: User) -> HttpResponse:
    """Redirect after a stale form, which changes nothing.

    The redirect goes to the order that the draft has become, or to the open draft.
    """
    spent = Order.objects.filter(account=user, draft_id=draft_id or 0).first()
    if spent:
        messages.info(
            request,
            _(
                "You've already placed this order. "
                "The change from the other page came too late and wasn't applied."
            ),
        )
        return redirect_to("order", spent.number)
    messages.info(
        request, _("Your choices changed after you opened that page. Here are the latest ones.")
    )
    return redirect_to_open_step(open_draft(user, visits.get_or_begin(request)))


def redirect_to_open_step(draft: Draft) -> HttpResponse:
    """Redirect to the first step that is not complete."""
    if draft.plan_id is None:
        return redirect_to("options")
    if target(draft) is None:
        # The line of a running plan has lost its SIM. The plan's page says what comes next.
        plan = draft.running_plan if draft.kind == OrderKind.CHANGE else None
        return redirect_to("plan", plan.reference) if plan else redirect_to("device")
    return redirect_to("review") if is_paid_for(draft) else redirect_to("payment")


def check_draft(draft: Draft, form: DraftForm) -> None:
    """Raise `StaleForm` if the form was shown for a draft other than the open one."""
    if form.cleaned_data["draft"] != draft.pk:
        raise StaleForm(draft.pk)
