"""The code that the operator has sent: the customer types it, and a worker lets it be compared."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.models import User
from mobileplans.domain import visits
from orders import texts
from orders.forms import CodeForm
from orders.queries.orders import takes_code
from orders.views.steps import customer_only, frame_context, get_own_order, redirect_to
from payments.domain import codes


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@customer_only
def code(request: HttpRequest, user: User, number: str) -> HttpResponse:
    """Show the field for the code, and store what was typed. No code is kept in the page.

    Where no code is wanted, or one is being compared, the order page says how things stand.
    """
    visits.note_step(visits.get_or_begin(request), "order")
    order = get_own_order(user, number)
    payment = order.payment
    if payment is None or not takes_code(order):
        return redirect_to("order", order.number)
    form = CodeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        codes.submit(payment, form.cleaned_data["code"])
        return redirect_to("order", order.number)
    context = {
        "order": order,
        "amount": order.price.gross,
        "form": form,
        "wrong": "" if form.errors else texts.wrong_code(order),
        **frame_context("order", back_url=None),
    }
    return render(request, "orders/code.html", context, status=422 if form.errors else 200)
