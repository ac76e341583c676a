"""Do with the product what a story says: as the pages of the portal, and staff, would."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from moportal.money import Money
from orders.domain import attach_offers, drafts, move_offers, pricing, returning
from orders.models import Order
from payments.domain import cards, disputes, refunds
from payments.models import Dispute, Payment
from payments.states import OPEN_DISPUTE, DisputeState, PaymentState, RefundKind
from plans.models import Plan
from plans.queries import offers
from subscriptions.domain import cancelling, cheaper, giving_back, moves, sharing
from subscriptions.domain.cancelling import NotRenewing
from subscriptions.domain.changing import NotChangeable
from subscriptions.domain.cheaper import Consent, TooLate
from subscriptions.domain.chosen import purpose_of
from subscriptions.domain.sharing import LastDevice
from subscriptions.models import PlanMove, Subscription
from subscriptions.states import MoveState, SubscriptionState
from tests.builders import make_visit, place
from tests.payments.conftest import agree
from tests.subscriptions.months.story import DEVICE_FEE, Act, Event, Offer
from tests.subscriptions.renewals import make_monthly
from tests.subscriptions.usages import said, tell

if TYPE_CHECKING:
    from tests.subscriptions.months.play import Life

# Staff cannot ask for the other kind: it is for orders that fail after their charge.
KINDS_OF_REFUND = [kind for kind in RefundKind if kind != RefundKind.UNDONE]

# A move can be undone for half an hour. Workers that die may delay its beginning by some minutes.
NEARLY_TOO_LATE = timedelta(minutes=25)


def act(life: "Life", subscription: Subscription, event: Event) -> None:
    """Do what the story says. What the plan's state forbids is refused."""
    with suppress(NotRenewing, NotChangeable, LastDevice, TooLate):
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
    mandate = agree(life.keep(event.card), purpose=purpose_of(subscription))
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
        kind = KINDS_OF_REFUND[payment.refunds.count() % len(KINDS_OF_REFUND)]
        if amount.minor_units:
            refunds.request_refund(payment, amount, kind=kind, reason="slow", actor=life.account)


def _attach(life: "Life", subscription: Subscription, event: Event) -> None:
    """Order the plan for a device with a SIM card, if the plan can be chosen there."""
    assert event.card
    account = subscription.line.account
    visit = make_visit(account=account, eid="", iccid=life.new_sim(event))
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
    if Dispute.objects.filter(state__in=OPEN_DISPUTE).exists():
        return
    if order is not None and subscription.state != SubscriptionState.ENDED:
        returning.request_return(order, actor=life.account, because="wrong plan")


def _choose(life: "Life", subscription: Subscription, event: Event) -> None:
    """Agree on the plan's page to another plan that begins when the month ends."""
    assert event.offer
    assert event.card
    plan = plan_of(event.offer)
    offer = next(
        one for one in offers(market="US", location="US", language="en") if one.plan == plan
    )
    consent = Consent(life.keep(event.card), "Charge my card each month.", "en")
    cheaper.choose(subscription, offer, consent)


def _undo_choice(_life: "Life", subscription: Subscription, _event: Event) -> None:
    cheaper.undo(subscription)


def _move(life: "Life", subscription: Subscription, event: Event) -> None:
    """Order that the plan moves from its oldest device to one with a SIM card."""
    account = subscription.line.account
    visit = make_visit(account=account, eid="", iccid=life.new_sim(event))
    offer = move_offers.offers_of(account, visit)[:1]
    if offer and offer[0].why_not is None:
        draft = drafts.open_draft(account, visit)
        drafts.choose_move(draft, offer[0], version=draft.version)
        place(draft)


def _move_and_back(life: "Life", subscription: Subscription, event: Event) -> None:
    """Order the same, and undo it shortly before its time is over."""
    _move(life, subscription, event)
    life.pass_to(event.at + NEARLY_TOO_LATE)
    for move in PlanMove.objects.filter(state=MoveState.LIVE):
        moves.undo(move, actor=life.account)


def _dispute(life: "Life", subscription: Subscription, event: Event) -> None:
    """Let the customer's bank take back what is left of the newest charge."""
    is_over = subscription.state == SubscriptionState.ENDED
    if is_over or life.books.is_away(event.at):
        return
    for payment in charges(subscription)[-1:]:
        if payment.left.minor_units and not Dispute.objects.filter(state__in=OPEN_DISPUTE).exists():
            is_fraud = event.act == Act.REPORT_FRAUD
            name = life.books.dispute(payment.gateway_id, payment.left, is_fraud=is_fraud)
            disputes.enqueue_dispute("bank", name)


def _decide_dispute(life: "Life", subscription: Subscription, event: Event) -> None:
    """Let the bank decide the open dispute."""
    is_over = subscription.state == SubscriptionState.ENDED
    if is_over or life.books.is_away(event.at):
        return
    for dispute in Dispute.objects.filter(state__in=OPEN_DISPUTE):
        is_won = event.act == Act.WIN_DISPUTE
        life.books.decide(dispute.gateway_id, DisputeState.WON if is_won else DisputeState.LOST)
        disputes.enqueue_dispute("bank", dispute.gateway_id)


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
    Act.CHOOSE: _choose,
    Act.UNDO_CHOICE: _undo_choice,
    Act.MOVE: _move,
    Act.MOVE_AND_BACK: _move_and_back,
    Act.DISPUTE: _dispute,
    Act.REPORT_FRAUD: _dispute,
    Act.WIN_DISPUTE: _decide_dispute,
    Act.LOSE_DISPUTE: _decide_dispute,
}
