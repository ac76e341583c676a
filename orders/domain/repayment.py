"""How much a customer gets back who withdraws: the rule of the market, applied to one order.

Source: docs/contract.md#subscriptions.
"""

from datetime import datetime, timedelta

from brand.models import Repayment
from brand.queries import market_rules
from moportal.money import Money
from orders.domain.matching import is_untouched, is_within_term
from orders.models import Declaration, Order
from orders.states import DeclarationKind
from subscriptions.domain.unused import unused_price

# Directive 2011/83/EU, article 13(1): how long after the withdrawal the money must go back.
REPAY_WITHIN = timedelta(days=14)


def repay_by(declaration: Declaration) -> datetime | None:
    """Return when the money must have gone back, or None for a cancellation."""
    is_withdrawal = declaration.kind == DeclarationKind.WITHDRAWAL
    return declaration.declared_at + REPAY_WITHIN if is_withdrawal else None


def proposed_sum(declaration: Declaration) -> Money | None:
    """Return what the rule gives back of the order's charge, or None if no rule says it.

    It is never more than what can still be refunded. No rule says what a withdrawal gives back
    after its term, from several paid months, or of an order that is not complete.
    """
    order = declaration.order
    if order is None or declaration.kind != DeclarationKind.WITHDRAWAL:
        return None
    payment = order.payment
    if payment is None or order.subscription is None or not is_within_term(declaration, order):
        return None
    left = payment.left
    if _gives_back_whole(order):
        return left
    periods = list(order.subscription.periods.all()[:2])
    if len(periods) > 1:
        return None
    counts_data = market_rules(order.visit.market).repayment == Repayment.TIME_AND_DATA
    unused = unused_price(periods[0], at=declaration.declared_at, counts_data=counts_data)
    return min(unused, left, key=lambda sum_: sum_.minor_units)


def _gives_back_whole(order: Order) -> bool:
    """Return whether nothing is kept back, whatever was used."""
    has_wish = bool(order.start_now_text)
    keeps_price = market_rules(order.visit.market).keeps_price_of_use
    return not has_wish or not keeps_price or is_untouched(order)
