"""What the customer can pay a draft with, and what the payment page preselects."""

from dataclasses import dataclass

from orders.domain import bank_step
from orders.models import Draft
from orders.queries.orders import preferred_method
from payments.domain import bills, methods, vouchers
from payments.models import PaymentMethod
from payments.states import MethodKind

# The choices of the payment page that are no stored method.
NEW_CARD, NEW_VOUCHER = "new", "voucher"


@dataclass(frozen=True)
class Choices:
    """The stored methods, and the numbers whose bill can become one.

    `unavailable` are stored methods that cannot pay for this draft. `some_cannot_renew` says that
    the plan is the reason for one of them, or for a bill that is not offered.
    """

    stored: list[PaymentMethod]
    unavailable: list[PaymentMethod]
    numbers: list[str]
    some_cannot_renew: bool = False


def payment_choices(draft: Draft) -> Choices:
    """Return what this draft's customer can choose in its market."""
    account, market = draft.account, draft.visit.market
    stored, switched_off = methods.split_methods(account, market=market)
    of_bills = [method for method in stored if method.kind == MethodKind.BILL]
    known = {method.token for method in of_bills}
    numbers = [one for one in bills.numbers_of(account, market=market) if one not in known]
    if not draft.renews:
        return Choices(stored, switched_off, numbers)
    lasting = [method for method in stored if methods.can_renew(method)]
    others = [method for method in stored if method not in lasting]
    takes_bills = bills.takes_bills(market, renews=True)
    return Choices(
        lasting,
        others + switched_off,
        numbers if takes_bills else [],
        bool(others or (numbers and not takes_bills)),
    )


def preselect(draft: Draft, choices: Choices) -> str:
    """Return the choice that the payment page preselects, or an empty text for none.

    If a bank was out of reach in this visit, the device most likely reaches no other bank either.
    So a payment is preselected that needs no page of a bank, unless the customer has chosen since.
    """
    if draft.method in choices.stored:
        return str(draft.method_id)
    is_page_chosen = draft.method is not None and draft.method.kind == MethodKind.PAGE
    if not is_page_chosen and bank_step.was_out_of_reach(draft.visit):
        return _without_bank(draft, choices)
    method = None if is_page_chosen else preferred_method(choices.stored)
    if method is not None:
        return str(method.pk)
    if methods.new_card_ability(draft.visit.market, renews=draft.renews):
        return NEW_CARD
    return _voucher(draft)


def _without_bank(draft: Draft, choices: Choices) -> str:
    market = draft.visit.market
    without_step = methods.methods_without_step(draft.account, market=market)
    usable = [
        method
        for method in choices.stored
        if method.kind != MethodKind.CARD or method in without_step
    ]
    method = preferred_method(usable)
    if method is not None:
        return str(method.pk)
    if choices.numbers:
        return choices.numbers[0]
    return _voucher(draft)


def _voucher(draft: Draft) -> str:
    takes_vouchers = vouchers.takes_vouchers(draft.visit.market, renews=draft.renews)
    return NEW_VOUCHER if takes_vouchers else ""
