"""What the customer reads about an order: what happened, then what to do."""

from dataclasses import dataclass
from datetime import date

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from esim.states import ProfileState
from moportal.money import Money
from orders.domain.consent import billing_day
from orders.models import Order, Repair, Return
from orders.queries.orders import can_be_handed_over, has_left_plan, has_lost_sim, return_of
from orders.states import Failure, OrderKind, OrderState, RepairKind, ReturnState
from payments.domain import codes
from payments.models import CardPage
from payments.refusal_texts import why_refused
from payments.states import CardPageState, CodeVerdict, MethodKind, PaymentState
from subscriptions.domain import moves
from subscriptions.domain.changing import Hindrance
from subscriptions.domain.periods import last_paid
from subscriptions.states import RUNNING


@dataclass(frozen=True)
class Step:
    """One line of the progress list. `status` is done, current or todo."""

    title: str
    detail: str
    status: str


@dataclass(frozen=True)
class FailureText:
    """Why an order has nothing to hand over."""

    title: str
    text: str
    can_try_again: bool = False
    was_card: bool = True
    # The next step of the customer or the portal. If empty, the page shows the usual advice.
    then: str = ""


def renewal(day: date, amount: Money) -> str:
    """Return when a plan renews, for how much, and how to stop that."""
    return _(
        "Renews on %(day)s for %(amount)s. "
        "You can cancel at any time in your account. The plan then ends with the paid month."
    ) % {"day": date_format(day, "MONTH_DAY_FORMAT"), "amount": amount}


def renewal_of(order: Order) -> str:
    """Return how the order's plan goes on, or an empty text if it does not renew any more.

    Of a move it says how long the old device works.
    """
    if order.kind == OrderKind.MOVE:
        return _(
            "Once the plan works on this device, the old one keeps working for at least half "
            "an hour. During that time you can undo the move in your account."
        )
    subscription = order.plan_in_use if order.renews else None
    if subscription is None or subscription.state not in RUNNING or not subscription.renews:
        return ""
    paid_until = last_paid(subscription).ends_at
    if subscription.is_cancelled or paid_until is None:
        return ""
    day = billing_day(paid_until)
    mandate = subscription.mandate
    if mandate is None or mandate.ended_at:
        shown = {"day": date_format(day, "MONTH_DAY_FORMAT")}
        return (
            _(
                "Your plan needs a payment method before it renews on %(day)s. "
                "Choose one in your account."
            )
            % shown
        )
    return renewal(day, order.monthly.gross)


def why_not_changed(why: Hindrance) -> str:
    """Return why a running plan cannot be changed now, and what to do first."""
    texts = {
        Hindrance.ENDED: _("This plan has ended or doesn't renew, so it can't be changed."),
        Hindrance.PARKED: _("We're looking into this plan. You can change it when that's done."),
        Hindrance.CANCELLED: _(
            "This plan is cancelled. Undo the cancellation first, then change the plan."
        ),
        Hindrance.UNPAID: _("This month isn't paid yet. Pay it first, then change the plan."),
        Hindrance.BUSY: _("This plan is being charged right now. Try again in a few minutes."),
        Hindrance.OTHER_CURRENCY: _("That plan is sold in another currency. Choose another one."),
        Hindrance.SAME_PLAN: _("You have this plan already."),
        Hindrance.TOO_MANY_DEVICES: _(
            "More devices share your plan than can share that one. Remove a device first."
        ),
    }
    later = _("Your plan or its price has changed meanwhile. Here are the latest ones.")
    return texts.get(why, later)


def pays_on_page(order: Order) -> bool:
    """Return whether the customer has yet to pay on the gateway's page."""
    return order.method_kind == MethodKind.PAGE


def steps(order: Order) -> list[Step]:
    """Return the steps of an order in progress. The first step that is not done is current."""
    parts = [_payment_step(order)] if order.payment else []
    profile = order.profile.state if order.profile else ""
    released = profile in {ProfileState.RELEASED, ProfileState.DOWNLOADED}
    if order.sim is None:
        reserved = released or profile == ProfileState.RESERVED
        parts += [
            (
                _("eSIM reserved") if reserved else _("Reserving your eSIM"),
                _("For this device"),
                reserved,
            ),
            (
                _("eSIM ready") if released else _("Preparing your eSIM"),
                _("Usually takes a few seconds"),
                released,
            ),
        ]
    parts.append((_("Plan active"), "", order.state == OrderState.COMPLETED))
    return _in_turn(parts)


def _payment_step(order: Order) -> tuple[str, str, bool]:
    how = _("%(card)s, %(amount)s") % {"card": _card(order), "amount": order.price.gross}
    is_paid = _payment_is(order, PaymentState.AUTHORISED, PaymentState.CAPTURED)
    return _("Payment approved") if is_paid else _("Approving your payment"), how, is_paid


def _payment_is(order: Order, *states: PaymentState) -> bool:
    return order.payment is not None and order.payment.state in states


def repair_steps(repair: Repair) -> list[Step]:
    """Return the steps of a repair of a sold eSIM."""
    if repair.kind == RepairKind.RELEASE:
        return _in_turn([(_("Making your eSIM available"), "", False)])
    new = repair.new_profile
    state = new.state if new else ""
    is_reserved = state in {ProfileState.RESERVED, ProfileState.RELEASED}
    return _in_turn(
        [
            (_("Old eSIM cancelled") if new else _("Cancelling the old eSIM"), "", bool(new)),
            (
                _("eSIM reserved") if is_reserved else _("Reserving your eSIM"),
                _("For this device"),
                is_reserved,
            ),
            (_("Preparing your eSIM"), _("Usually takes a few seconds"), False),
        ]
    )


def _in_turn(parts: list[tuple[str, str, bool]]) -> list[Step]:
    """Return the steps for these titles, details and whether each is done.

    The first one that is not done is the current one.
    """
    first_open = next((n for n, (_title, _detail, done) in enumerate(parts) if not done), None)
    return [
        Step(title, detail, "done" if done else "current" if n == first_open else "todo")
        for n, (title, detail, done) in enumerate(parts)
    ]


def card_steps(page: CardPage) -> list[Step]:
    """Return the steps of entering a card on the gateway's page."""
    is_open = page.state == CardPageState.OPEN
    is_back = page.returned_at is not None
    return _in_turn(
        [
            (_("Card page ready") if is_open else _("Opening the card page"), "", is_open),
            (
                _("Your card details") if is_back else _("Enter your card details"),
                _("On our payment provider's page"),
                is_back,
            ),
            (_("Checking your card"), _("Usually takes a few seconds"), False),
        ]
    )


def card_delay_warning(page: CardPage) -> str:
    """Return the warning that the payment provider is slow, or an empty text."""
    return _service_away() if page.last_error else ""


def missing_card(page: CardPage) -> str:
    """Return why a card page of the gateway has brought no card."""
    if not page.url:
        return _("We can't reach the payment service. You haven't been charged. Please try again.")
    if page.state == CardPageState.LAPSED:
        return _("The card page timed out, so your card wasn't saved. Please try again.")
    return no_card_saved()


def no_card_saved() -> str:
    """Return that no card was saved, for a page that ended without a known reason."""
    return _("No card was saved and nothing was charged. Try again or use another card.")


def delay_warning(order: Order) -> str:
    """Return the warning that an order in progress is slow, or an empty text."""
    running = {OrderState.ACKNOWLEDGED, OrderState.IN_PROGRESS, OrderState.HELD}
    if not order.last_error or order.state not in running:
        return ""
    if order.charge_decided_at or order.was_charged:
        return _(
            "This is taking longer than usual. You can close this page. We'll finish your order."
        )
    return _service_away()


def _service_away() -> str:
    return _(
        "One of our services isn't responding at the moment. "
        "We'll keep trying. You haven't been charged."
    )


def failure(order: Order) -> FailureText | None:
    """Return why the order has nothing to hand over, or None if it has something.

    A completed order has nothing if it was returned, or if the repair of its eSIM has failed. A
    customer whose order failed has not been charged, except for an order that staff gave up, and
    where the gateway charged with the authorisation.
    """
    if order.state == OrderState.COMPLETED:
        return _nothing_to_hand_over(order)
    if order.state != OrderState.FAILED:
        return None
    if order.failure == Failure.GIVEN_UP or order.was_charged:
        return _given_up(order)
    if order.failure == Failure.PAYMENT_REFUSED:
        return _declined(order)
    return _not_delivered(order)


def _not_delivered(order: Order) -> FailureText:
    """Return why an order that was not charged could not be delivered."""
    texts = {
        Failure.NO_PROFILE_LEFT: (
            _("No eSIM is available right now"),
            _("We've run out of eSIMs and are getting more. You haven't been charged."),
        ),
        Failure.NO_PLACE_LEFT: (
            _("All devices of this plan are in use"),
            _("Remove one in your account, then add this one. You haven't been charged."),
        ),
        Failure.NOT_SHARED: (
            _("The plan can't take another device now"),
            _("The plan has ended or stopped meanwhile. You haven't been charged."),
        ),
        Failure.SIM_HAS_PLAN: (
            _("This SIM has a plan of its own"),
            _("A SIM can't use a second line. You haven't been charged."),
        ),
        Failure.NOT_MOVABLE: (
            _("The plan can't move to this device now"),
            _(
                "The plan has moved or changed meanwhile, and stays where it is. You can see it in "
                "your account."
            ),
        ),
        Failure.LAPSED: (_("We couldn't complete your order"), _lapsed(order)),
        Failure.PLAN_CHANGED: (
            _("Your plan has changed meanwhile"),
            _(
                "The plan was renewed, cancelled or changed before we could finish. You "
                "haven't been charged for this order."
            ),
        ),
        Failure.SIM_OF_ANOTHER: (
            _("This SIM belongs to another account"),
            _("Sign in to the account it belongs to. You haven't been charged."),
        ),
    }
    no_service = (
        _("We couldn't prepare your eSIM"),
        _("One of our services didn't respond correctly. You haven't been charged."),
    )
    return FailureText(*texts.get(Failure(order.failure), no_service))


def wrong_code(order: Order) -> str:
    """Return that the last code was wrong, or an empty text."""
    if order.payment is None or codes.last_verdict(order.payment) != CodeVerdict.WRONG:
        return ""
    left = codes.tries_left(order.payment)
    return ngettext(
        "That's not the code we sent. You have %(left)d try left.",
        "That's not the code we sent. You have %(left)d tries left.",
        left,
    ) % {"left": left}


def _lapsed(order: Order) -> str:
    if order.method_kind == MethodKind.BILL:
        return _(
            "The reservation on your bill ended before we could finish. You haven't been charged."
        )
    if order.method_kind == MethodKind.VOUCHER:
        return _(
            "We couldn't finish in time. Your voucher is free again, and nothing was taken from it."
        )
    return _(
        "Your bank's approval of the payment expired before we could finish. You haven't been "
        "charged."
    )


def cancelled(order: Order) -> str:
    """Return what becomes of the money of an order that the customer cancelled."""
    return _refunding(order) if order.was_charged else _("You haven't been charged.")


def _declined(order: Order) -> FailureText:
    """Return why the payment was declined."""
    was_card = order.method_kind == MethodKind.CARD
    title = _("Your payment was declined")
    text = why_refused(order.payment) if order.payment else ""
    return FailureText(title, text, can_try_again=True, was_card=was_card)


def _nothing_to_hand_over(order: Order) -> FailureText | None:
    if order_return := return_of(order):
        return _taken_back(order, order_return)
    if has_lost_sim(order):
        return FailureText(
            _("This SIM isn't on your account any more"),
            _("Someone else confirmed that it's theirs, so your plan doesn't work on it."),
            then=_(
                "We're checking whether you get your money back. Contact us if you have questions."
            ),
        )
    if has_left_plan(order):
        return _gone_from_plan(order)
    if can_be_handed_over(order):
        return None
    return FailureText(
        _("You need a new eSIM"),
        _("Our support team will issue it for you at no extra cost."),
        then=_("Call or write to us and give your reference. We have the details."),
    )


def _gone_from_plan(order: Order) -> FailureText:
    """Return that the order's SIM no longer uses the plan, because it was moved or removed."""
    plan, sim = order.plan_in_use, order.sim_in_use
    if plan is not None and sim is not None and moves.has_moved_away(plan, sim):
        return FailureText(
            _("The plan was moved to another device"),
            _("This device can't use the plan any more."),
            then=_("You can move it back: open our portal on this device."),
        )
    return FailureText(
        _("This device was removed from the plan"),
        _("It can't use the plan any more. You can add it again."),
        then="",
    )


def _taken_back(order: Order, order_return: Return) -> FailureText:
    if order.adds_device and not order_return.amount.minor_units:
        return _gone_from_plan(order)
    if not order_return.amount.minor_units:
        ended = _("Your plan has ended.")
        return FailureText(_("You withdrew from this order"), ended, then=_nothing_left())
    is_done = order_return.state == ReturnState.DONE
    how = {"amount": order_return.amount, "card": _card(order)}
    text = _("We refunded %(amount)s to %(card)s.") if is_done else _refunding_text()
    text %= how
    then = _(
        "Your plan has ended. It may take a few days for the refund to appear on your statement."
    )
    if order.method_kind == MethodKind.VOUCHER:
        then = _("Your plan has ended. To use the voucher again, enter its code.")
    return FailureText(_("Your order was refunded"), text, then=then)


def _given_up(order: Order) -> FailureText:
    is_free = order.payment is None or _payment_is(order, PaymentState.VOIDED)
    text = _("You haven't been charged.") if is_free else _refunding(order)
    return FailureText(_("We couldn't complete your order"), text)


def _nothing_left() -> str:
    return _(
        "You used all that you paid for before you withdrew, so nothing is paid back. "
        "Contact us if you have questions."
    )


def _refunding(order: Order) -> str:
    return _refunding_text() % {"amount": order.price.gross, "card": _card(order)}


def _refunding_text() -> str:
    return _("We're refunding %(amount)s to %(card)s.")


def _card(order: Order) -> str:
    return order.method.label if order.method else ""


def device_status(order: Order) -> str:
    """Return the text that the eSIM is on the device, or an empty text if that is not known."""
    if order.profile and order.profile.state == ProfileState.DOWNLOADED:
        return _("The eSIM is on your device")
    return ""
