"""The install page in the account. It shows the code until a device has confirmed the download."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.models import User
from esim.states import ProfileState
from mobileplans.domain.installation import installation_for
from orders.queries.orders import can_be_handed_over, orders_of
from orders.states import OrderState
from orders.views.steps import customer_only, redirect_to


@require_safe
@customer_only
def install(request: HttpRequest, user: User, number: str) -> HttpResponse:
    """Show the install links, QR code and activation code of the customer's eSIM.

    After the download is confirmed there is no code to show.
    """
    bought = orders_of(user).filter(state=OrderState.COMPLETED, profile__isnull=False)
    order = get_object_or_404(bought, number=number.upper().replace("-", ""))
    if not can_be_handed_over(order):
        # The eSIM is being repaired. The order's page shows the progress.
        return redirect_to("order", order.number)
    profile = order.profile
    is_waiting = profile is not None and profile.state == ProfileState.RELEASED
    context = {
        "order": order,
        "result": {
            "plan_name": order.plan_name,
            "reference": order.display_number,
            "is_open_web": True,
            "installation": installation_for(
                profile.activation_code, request.headers.get("User-Agent", "")
            )
            if profile and is_waiting
            else None,
        },
        "back_url": reverse("account"),
        "cancel": True,
    }
    return render(request, "orders/install.html", context)
