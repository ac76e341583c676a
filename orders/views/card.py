"""A new card that is entered on the payment gateway's page: the redirects and the waiting page."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.models import User
from mobileplans.domain import visits
from moportal.web.progress import render_progress
from orders import texts
from orders.domain import bank_step
from orders.domain.drafts import open_draft
from orders.models import Order
from orders.views.steps import (
    accept_post_back,
    customer_only,
    frame_context,
    redirect_to,
    redirect_to_open_step,
    shopper_only,
)
from payments.domain import pages
from payments.models import CardPage
from payments.states import CardPageState


@require_safe
@shopper_only
def card(request: HttpRequest, user: User, key: UUID) -> HttpResponse:
    """Show the progress. Once the card page is closed, redirect to the next step."""
    page, visit = _get_own_page(user, key), visits.get_or_begin(request)
    visits.note_step(visit, "payment")
    if page.is_under_way:
        context = card_context(page, open_url=reverse("card-opened", args=[page.key]))
        context |= frame_context("payment", back_url=reverse("payment"))
        return render_progress(request, "orders/card.html", context)
    spent = Order.objects.filter(account=user, draft__card_page=page).first()
    if spent:
        return redirect_to("order", spent.number)
    if page.state == CardPageState.TAKEN:
        return redirect_to_open_step(open_draft(user, visit))
    messages.warning(request, texts.missing_card(page))
    return redirect_to("payment")


@require_safe
@customer_only
def open_gateway(_request: HttpRequest, user: User, key: UUID) -> HttpResponse:
    """Redirect to the gateway's page.

    The browser comes here by a link or a refresh. A form could not redirect to the
    gateway, because the page's `form-action` policy allows only this site.
    """
    page = _get_own_page(user, key)
    if page.state != CardPageState.OPEN:
        return redirect_to("card", key)
    return HttpResponseRedirect(pages.record_redirect(page), status=303)


@accept_post_back
@require_safe
@customer_only
def return_from_gateway(_request: HttpRequest, user: User, key: UUID) -> HttpResponse:
    """Record that the customer is back from the gateway, and show the progress."""
    page = _get_own_page(user, key)
    bank_step.close_way_to_card_page(page)
    pages.record_return(page)
    return redirect_to("card", key)


def _get_own_page(user: User, key: UUID) -> CardPage:
    """Return the customer's card page. For another customer's page the answer is 404."""
    return get_object_or_404(CardPage, account=user, key=key)


def card_context(page: CardPage, *, open_url: str) -> dict[str, Any]:
    """Return what the page shows: it waits for the gateway, or for the customer.

    `open_url` leads on to the gateway's page. The browser is sent there automatically only once. If
    the customer presses Back there, this page appears again and waits for a click.
    """
    waits_for_customer = (
        page.state == CardPageState.OPEN
        and page.returned_at is None
        and not bank_step.is_opening_way_to_card_page(page)
    )
    return {
        "steps": texts.card_steps(page),
        "trouble": texts.card_delay_warning(page),
        "poll": not waits_for_customer,
        "open_url": open_url if waits_for_customer else "",
        "opens_automatically": waits_for_customer and page.sent_at is None,
    }
