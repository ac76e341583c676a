"""What a decision of the customer, or of staff, means for an oracle's plan.

Source: docs/contract.md#subscriptions, docs/subscriptions.md.
"""

from collections.abc import Callable
from datetime import timedelta
from fractions import Fraction
from typing import TYPE_CHECKING

from tests.subscriptions.months.bank import BankCard
from tests.subscriptions.months.story import DEVICE_FEE, Act, Event, due_for_change

if TYPE_CHECKING:
    from tests.subscriptions.months.oracle import Oracle

MOST_IN_GRACE = 10**9


def _cancel(oracle: "Oracle", _event: Event) -> None:
    oracle.is_cancelled = True


def _undo(oracle: "Oracle", _event: Event) -> None:
    oracle.is_cancelled = False


def _remove_card(oracle: "Oracle", _event: Event) -> None:
    oracle.is_dead = True


def _pay_with(oracle: "Oracle", event: Event) -> None:
    assert event.card
    oracle.card, oracle.is_dead = event.card, False
    oracle.last_try = oracle.advised = None


def _change(oracle: "Oracle", event: Event) -> None:
    """Begin a month of a dearer plan at once, for its price less what is unused."""
    assert event.offer
    assert event.card
    is_running = oracle.state == "active" and oracle.at < oracle.end
    if not is_running or oracle.is_cancelled or event.offer.price <= oracle.offer.price:
        return
    if not _is_approved(oracle, event.card):
        return
    month = oracle.paid[-1]
    due = due_for_change(
        event.offer.price,
        oracle.offer.price,
        time_left=month.ends_at - oracle.at,
        month=month.ends_at - month.starts_at,
        data_left=data_left(oracle),
    )
    oracle.change = len(oracle.charges)
    oracle.charges.append((event.card.token, due))
    oracle.offer = event.offer
    _pay_with(oracle, event)
    oracle.live = None
    # A month that was planned keeps its number, although it never begins.
    oracle.number += 2 if oracle.is_planned else 1
    oracle.begin(oracle.really_began(oracle.number), cost=due)


def _is_approved(oracle: "Oracle", card: BankCard) -> bool:
    """Return whether an order with this card is paid. It does not outlast an outage."""
    return oracle.is_up() and not card.refuses(oracle.at)


def data_left(oracle: "Oracle") -> Fraction:
    """Return the share of the running month's data that is unused. Unlimited data is never used."""
    total = oracle.offer.data
    if total is None:
        return Fraction(1)
    used = oracle.used_since(oracle.paid[-1].starts_at)
    return Fraction(max(total - used, 0), total)


def may_use(oracle: "Oracle") -> bool:
    """Return whether there is data left to use: of the month, or of the allowance in grace."""
    total, since = oracle.offer.data, oracle.paid[-1].starts_at
    if oracle.at >= oracle.end:
        since = oracle.end
        total = MOST_IN_GRACE if total is None else min(MOST_IN_GRACE, total // 10)
    return total is None or oracle.used_since(since) < total


def _use(oracle: "Oracle", event: Event) -> None:
    oracle.uses.append((event.at, event.amount))


def _lose_time(oracle: "Oracle", event: Event) -> None:
    if oracle.lost is None:
        oracle.lost, oracle.is_owed = timedelta(seconds=event.amount), True


def _refund(oracle: "Oracle", event: Event) -> None:
    """Give back a part of the newest charge. The plan goes on, whatever the refund is called."""
    if oracle.charges:
        oracle.give_back(len(oracle.charges) - 1, at_most=event.amount)


def _attach(oracle: "Oracle", event: Event) -> None:
    """Let another device share the plan. One may."""
    assert event.card
    is_running = oracle.state == "active" and oracle.at < oracle.end
    if is_running and not oracle.is_shared and _is_approved(oracle, event.card):
        oracle.is_shared = True
        oracle.charges.append((event.card.token, DEVICE_FEE))


def _remove_device(oracle: "Oracle", _event: Event) -> None:
    oracle.is_shared = False


def _take_back(oracle: "Oracle", _event: Event) -> None:
    """End the plan at once, and give back what is left of its newest change's charge."""
    if oracle.change is not None:
        oracle.state, oracle.live = "ended", None
        oracle.give_back(oracle.change, at_most=oracle.charges[oracle.change][1])


DECISIONS: dict[Act, Callable[["Oracle", Event], None]] = {
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
