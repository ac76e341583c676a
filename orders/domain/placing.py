"""Submit and cancel: the customer's two decisions about an order."""

from dataclasses import dataclass

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils.timezone import now
from django.utils.translation import get_language

from accounts.models import User
from brand.models import LegalText
from brand.queries import legal_text
from moportal.database.statements import compare_and_set
from moportal.web.links import absolute_url
from orders.domain import attach_offers, fraud, limits, move_offers, pausing, pricing
from orders.domain.consent import consent_text, is_consent, is_start_now_text
from orders.domain.drafts import StaleForm, is_complete
from orders.domain.targets import Target, is_elsewhere, takes_plan, target
from orders.models import KIND, Draft, Order, new_number
from orders.states import ENDED, OrderKind
from outbox.domain import enqueue
from payments.domain import methods
from payments.models import Payment
from subscriptions.domain.changing import NotChangeable

log = structlog.get_logger(__name__)


class TooLateToCancel(Exception):
    """The charge is decided: the purchase goes through, or has gone through."""


class PlacedOtherwise(Exception):
    """An earlier submit ordered another version than this form shows. `order` is that order."""

    def __init__(self, order: Order) -> None:
        super().__init__(order.number)
        self.order = order


@dataclass(frozen=True)
class Agreed:
    """The texts of the boxes that the customer has ticked, empty for a box without a tick."""

    consent: str = ""
    start_now: str = ""


def place(draft: Draft, *, version: int, consent: str = "", start_now: str = "") -> Order:
    """Turn a draft into one order, however often the form is sent.

    One transaction marks the draft as submitted by compare-and-set, creates the order with the
    price and terms that were shown, gives the draft's key to the payment, and enqueues the order.
    Sending the same form again returns the same order, even if the customer may place no more.
    `consent` is the text that the customer has ticked, if the plan renews. `start_now` is the wish
    to start now, if the customer has ticked that box.

    Raises `ConsentMissing` if the plan renews and nothing was ticked.
    Raises `DeviceStopped` if nothing is sold to the device at present.
    Raises `SalesPaused` if staff have paused the sales of the plan.
    Raises `Locked` if the customer or the device has too many open or cancelled orders. Raises
    `PlacedOtherwise` if another version was submitted. Raises `StaleForm` if the draft is
    open but the form shows an older version or another text of a box, or the draft is incomplete or
    has no target.
    """
    related = ("visit", "method", "plan", "running_plan")
    shown = Draft.objects.select_related(*related).get(pk=draft.pk)
    agreed = Agreed(consent, start_now)
    order = _submit(shown, version, agreed) if shown.submitted_at is None else None
    order = order or _order_of(shown)
    if order is None:
        raise StaleForm(draft.pk)
    if order.draft.version != version:
        raise PlacedOtherwise(order)
    return order


def _submit(draft: Draft, version: int, agreed: Agreed) -> Order | None:
    """Create the order, or return None if the draft is not complete or not as the form shows it.

    Of two forms that are sent at once, one creates the order. The other one gets None.
    """
    chosen = target(draft)
    if chosen is None or draft.version != version or not is_complete(draft):
        return None
    if not takes_plan(draft, chosen) or not _price_holds(draft):
        return None
    if not is_consent(draft, agreed.consent) or not is_start_now_text(draft, agreed.start_now):
        return None
    if fraud.is_stopped(draft.visit):
        raise fraud.DeviceStopped(draft.pk)
    # A later visit from the same device changes the draft without raising its version. So the
    # visit is compared too.
    as_shown = {"version": version, "visit": draft.visit_id, "submitted_at": None}
    with transaction.atomic():
        may_pay = draft.method is None or methods.has_tries_left(methods.lock(draft.method))
        if not may_pay or not _takes_device(draft, chosen):
            return None
        if not compare_and_set(Draft, draft.pk, as_shown, submitted_at=now()):
            return None
        # After the line above, so that a form that is sent twice leads to its order.
        pausing.check(draft, chosen.sim)
        limits.count_order(draft)
        return _create_order(draft, chosen, agreed)


def _takes_device(draft: Draft, chosen: Target) -> bool:
    """Return whether the running plan that the draft is about can still take this device."""
    sim = chosen.sim
    return attach_offers.has_place(draft, sim) and move_offers.is_possible(draft, sim)


def _price_holds(draft: Draft) -> bool:
    """Return whether the sum that the draft shows still counts. The review page says why not."""
    try:
        return draft.kind != OrderKind.CHANGE or pricing.holds(draft)
    except NotChangeable:
        return False


def _order_of(draft: Draft) -> Order | None:
    return Order.objects.select_related("draft").filter(draft=draft).first()


def _create_order(draft: Draft, chosen: Target, agreed: Agreed) -> Order:
    assert draft.plan_id is not None  # noqa: S101 -- constraint submitted_draft_is_complete
    number, visit = new_number(), draft.visit
    language = get_language() or settings.LANGUAGE_CODE
    terms = legal_text(LegalText.Kind.TERMS, market=visit.market, language=language)
    order = Order.objects.create(
        number=number,
        kind=draft.kind,
        running_plan_id=draft.running_plan_id,
        draft=draft,
        account_id=draft.account_id,
        visit=visit,
        plan_id=draft.plan_id,
        **draft.price_columns,
        monthly_minor_units=draft.monthly_minor_units,
        line_is_new=draft.running_plan_id is None,
        language=language,
        terms_version=terms.version if terms else "",
        renews=draft.renews,
        consent_text=consent_text(draft),
        consented_at=now() if draft.renews else None,
        start_now_text=agreed.start_now,
        start_now_at=now() if agreed.start_now else None,
        eid=visit.eid,
        sim=chosen.sim,
        payment=None if draft.is_free else _create_payment(draft, number),
    )
    enqueue(KIND, order.pk)
    log.info("order placed", order=order.number)
    return order


def _create_payment(draft: Draft, number: str) -> Payment:
    assert draft.method_id is not None  # noqa: S101 -- constraint submitted_draft_is_complete
    return Payment.objects.create(
        # The key is as old as the draft. Even if one draft could become two orders, the
        # gateway would see one payment.
        key=draft.key,
        method_id=draft.method_id,
        reference=number,
        minor_units=draft.gross_minor_units or 0,
        currency=draft.currency,
        return_url=_return_url(number),
    )


def _return_url(number: str) -> str:
    """Return the address to which the bank sends the customer back.

    It is stored with the payment, because a repeated call must send the same address.
    """
    return absolute_url("order-returned", number)


def reopen_draft(order: Order) -> Draft:
    """Open a draft with the same plan, after a refused payment.

    If the customer has a draft with a plan already, that draft is returned unchanged.
    """
    draft, is_new = Draft.objects.get_or_create(
        account=order.account, submitted_at=None, defaults={"visit": order.visit}
    )
    if is_new or draft.plan_id is None:
        Draft.objects.filter(pk=draft.pk).update(
            version=F("version") + 1,
            kind=order.kind,
            running_plan=order.running_plan,
            moves_from=order.draft.moves_from,
            plan=order.plan,
            sim=order.sim if order.sim and is_elsewhere(order.sim, order.visit) else None,
            **order.price_columns,
            monthly_minor_units=order.monthly_minor_units,
            # What is unused of the running month is less by now.
            quoted_at=order.created_at if order.kind == OrderKind.CHANGE else None,
        )
        draft.refresh_from_db()
    return draft


def request_cancel(order: Order, *, actor: User) -> None:
    """Request the order's cancellation. This is possible until the charge is decided.

    `orders.domain.settling` may decide to charge at the same time. Both use compare-and-set, so one
    of them wins. If it is the cancel, a worker undoes the order.
    Raises `TooLateToCancel`.
    """
    with transaction.atomic():
        cancellable = Order.objects.filter(pk=order.pk, charge_decided_at=None).exclude(
            state__in=ENDED
        )
        if not cancellable.update(cancel_requested_at=now()):
            raise TooLateToCancel(order.number)
        enqueue(KIND, order.pk)
    order.refresh_from_db()
    log.info("cancel requested", order=order.number, actor=actor.pk)
