"""Do with the product what a story says: as the pages of the portal, and staff, would."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from moportal.money import Money
from orders.domain import attach_offers, drafts, pricing, returning
from orders.models import Order
from payments.domain import cards, refunds
from payments.models import Payment
from payments.states import PaymentState, RefundKind
from plans.models import Plan
from subscriptions.domain import cancelling, giving_back, sharing
from subscriptions.domain.cancelling import NotRenewing
from subscriptions.domain.changing import NotChangeable
from subscriptions.domain.sharing import LastDevice
from subscriptions.models import Subscription
from subscriptions.states import SubscriptionState
from tests.builders import make_card, make_visit, place
from tests.payments.conftest import agree
from tests.subscriptions.months.story import DEVICE_FEE, Act, Event, Offer
from tests.subscriptions.renewals import make_monthly
from tests.subscriptions.usages import said, tell

if TYPE_CHECKING:
    from tests.subscriptions.months.play import Life

# Staff cannot ask for the other kind: it is for orders that fail after their charge.
KINDS = [kind for kind in RefundKind if kind != RefundKind.UNDONE]


def act(life: "Life", subscription: Subscription, event: Event) -> None:
    """Do what the story says. What the plan's state forbids is refused."""
    with suppress(NotRenewing, NotChangeable, LastDevice):
        ACTS[event.act](life, subscription, event)


def plan_of(offer: Offer) -> Plan:
    """Return the catalogue's plan for this offer."""
    code = f"monthly-{offer.price}-{offer.data or 'all'}"
    known = Plan.objects.filter(code=code).first()
    return known or make_monthly(
        code=code,
        minor_units=offer.price or 1,
        data_bytes=offer.data,
        more_devices=1,
        device_fee=DEVICE_FEE,
    )


def _cancel(_life: "Life", subscription: Subscription, _event: Event) -> None:
    cancelling.cancel(subscription)


def _undo(_life: "Life", subscription: Subscription, _event: Event) -> None:
    cancelling.undo(subscription)


def _remove_card(_life: "Life", subscription: Subscription, _event: Event) -> None:
    if subscription.mandate:
        cards.remove(subscription.mandate.method)


def _pay_with(life: "Life", subscription: Subscription, event: Event) -> None:
    assert event.card
    mandate = agree(life.keep(event.card), purpose=subscription.reference)
    cancelling.pay_with(subscription, mandate)


def _change(life: "Life", subscription: Subscription, event: Event) -> None:
    """Order a dearer plan on the plan's page, and pay with another card."""
    assert event.offer
    assert event.card
    account = subscription.line.account
    draft = drafts.open_draft(account, make_visit(account=account))
    offer = drafts.offer_of(draft, plan_of(event.offer).pk)
    pricing.choose_change(draft, subscription, offer, version=draft.version)
    drafts.choose_method(draft, life.keep(event.card), version=draft.version)
    place(draft)


def _use(_life: "Life", subscription: Subscription, event: Event) -> None:
    sim = sharing.devices_of(subscription)[0].sim
    tell(said(f"{subscription.reference} {event.at}", sim, event.at, event.amount))


def _lose_time(_life: "Life", subscription: Subscription, event: Event) -> None:
    since = event.at - timedelta(seconds=event.amount)
    giving_back.give_back(subscription, since=since, until=event.at)


def _refund(life: "Life", subscription: Subscription, event: Event) -> None:
    """Let staff refund a part of the newest charge."""
    is_over = subscription.state == SubscriptionState.ENDED
    for payment in [] if is_over else charges(subscription)[-1:]:
        amount = Money(min(event.amount, payment.left.minor_units), payment.currency)
        kind = KINDS[payment.refunds.count() % len(KINDS)]
        if amount.minor_units:
            refunds.request_refund(payment, amount, kind=kind, reason="slow", actor=life.account)


def _attach(life: "Life", subscription: Subscription, event: Event) -> None:
    """Order the plan for a device with a SIM card, if the plan can be chosen there."""
    assert event.card
    account = subscription.line.account
    visit = make_visit(account=account, eid="", iccid=make_card().iccid)
    for offer in attach_offers.offers_of(account, visit):
        if offer.why_not is not None:
            continue
        draft = drafts.open_draft(account, visit)
        drafts.choose_running_plan(draft, offer, version=draft.version)
        drafts.choose_method(draft, life.keep(event.card), version=draft.version)
        place(draft)


def _remove_device(_life: "Life", subscription: Subscription, _event: Event) -> None:
    newest = sharing.devices_of(subscription).last()
    assert newest
    sharing.remove(subscription, newest.pk)


def _take_back(life: "Life", subscription: Subscription, _event: Event) -> None:
    """Let staff take back the newest change, for which the plan ends."""
    changes = Order.objects.filter(running_plan=subscription, kind="change", state="completed")
    order = changes.order_by("completed_at").last()
    if order is not None and subscription.state != SubscriptionState.ENDED:
        returning.request_return(order, actor=life.account, because="wrong plan")


def charges(subscription: Subscription) -> list[Payment]:
    """Return the payments that were charged for the plan, the oldest first."""
    orders = Order.objects.filter(running_plan=subscription).values("payment")
    charged = Payment.objects.filter(state__in=[PaymentState.CAPTURED, PaymentState.REFUNDED])
    own = charged.filter(attempt__period__subscription=subscription) | charged.filter(pk__in=orders)
    return list(own.distinct().order_by("captured_at"))


ACTS: dict[Act, Callable[["Life", Subscription, Event], None]] = {
    Act.CANCEL: _cancel,
    Act.UNDO: _undo,
    Act.REMOVE_CARD: _remove_card,
    Act.NEW_CARD: _pay_with,
    Act.CHANGE: _change,
    Act.USE: _use,
    Act.LOSE_TIME: _lose_time,
    Act.REFUND: _refund,
    Act.ATTACH: _attach,
    Act.REMOVE_DEVICE: _remove_device,
    Act.TAKE_BACK: _take_back,
}
