"""Cancel and Sign out: the customer leaves the portal, and the result is handed to the host."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.domain.sign_in import signed_in_customer
from accounts.models import User
from accounts.oidc import signing_out
from mobileplans.domain import handoffs, visits
from mobileplans.domain.handoffs import Purchase, hand_over, stored_outcome
from mobileplans.models import Visit
from orders.domain import outcomes, placing
from orders.models import Order
from orders.queries.orders import orders_of
from orders.states import ENDED, OrderState
from orders.views.order import hand_over_order
from orders.views.steps import redirect_to


@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: HttpRequest) -> HttpResponse:
    """End the visit and hand over its result (docs/contract.md#leaving).

    The app asks for confirmation itself, so the portal does not ask. After Submit, Cancel
    is a request. It succeeds only before the portal has decided to charge. A completed
    purchase is handed over as a success, however the customer leaves.
    """
    if request.method != "POST":
        return render(request, "orders/leave.html", {"back_url": reverse("options")})
    # Cancel and Continue never lead to the provider. Sign out does, after the session has ended.
    if "signs_out" in request.POST and signing_out.leads_to_provider(request):
        return signing_out.continue_at_provider(_leave(request))
    return _leave(request)


def _leave(request: HttpRequest) -> HttpResponse:
    visit, account = visits.get_or_begin(request), signed_in_customer(request)
    order = _order_to_hand_over(account, visit)
    if order is None:
        return _leave_without_order(request, visit)
    if order.state == OrderState.COMPLETED:
        return hand_over_order(request, order)
    if OrderState(order.state) not in ENDED:
        try:
            placing.request_cancel(order, actor=order.account)
        except placing.TooLateToCancel:
            messages.info(
                request,
                _("Your purchase is already going through and can no longer be cancelled."),
            )
            return redirect_to("order", order.number)
    return hand_over(request, visit, outcomes.of_order(order, visit))


def _leave_without_order(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Leave without an order in this visit. A result that was handed over before is repeated."""
    given = handoffs.find_result(request, visit)
    if given is None:
        return hand_over(request, visit, outcomes.of_leaving(visit))
    if given == handoffs.find(request):
        return handoffs.hand_over_again(request)
    return hand_over(request, visit, stored_outcome(given), Purchase(given.reference, given.paid))


def _order_to_hand_over(account: User | None, visit: Visit) -> Order | None:
    """Return the order that this visit ends with, or None.

    1. An order that was bought in this visit, even if it was handed over before.
    2. An order that is in progress, from whichever page the customer leaves.
    3. An order that failed or was cancelled, if the customer leaves from its page.
    """
    if account is None:
        return None
    # Read once. With two queries, an order that completes between
    # them would be in neither result.
    mine = list(orders_of(account).filter(visit=visit))
    bought = next((order for order in mine if order.state == OrderState.COMPLETED), None)
    running = next((order for order in mine if OrderState(order.state) not in ENDED), None)
    last = mine[0] if mine and visit.step == "order" else None
    return bought or running or last
