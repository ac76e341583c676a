"""The states of orders and payments, and which may follow which, written out a second time."""

import pytest

from orders.states import ENDED, NEXT_STATES, OrderState
from payments import states as payment_states
from payments.states import PaymentState

ORDERS = {
    "acknowledged": {"in_progress", "failed", "cancelled"},
    "in_progress": {"pending", "held", "completed", "failed", "cancelled"},
    "pending": {"in_progress", "failed", "cancelled"},
    # The charge is decided: the order is finished, or given up
    # and refunded. Never cancelled.
    "held": {"in_progress", "failed"},
    "completed": set(),
    "failed": set(),
    "cancelled": set(),
}
PAYMENTS = {
    "intended": {"pending", "authorised", "declined", "captured", "voided"},
    "pending": {"authorised", "declined", "captured", "voided"},
    "authorised": {"captured", "voided"},
    "captured": {"refunded"},
    "declined": set(),
    "voided": set(),
    "refunded": set(),
}


def test_an_order_can_make_only_these_moves() -> None:
    assert {state: set(following) for state, following in NEXT_STATES.items()} == ORDERS
    assert set(OrderState.values) == set(ORDERS)


def test_a_payment_can_make_only_these_moves() -> None:
    table = payment_states.NEXT_STATES
    assert {state: set(following) for state, following in table.items()} == PAYMENTS
    assert set(PaymentState.values) == set(PAYMENTS)


def test_an_ended_order_can_make_no_move() -> None:
    assert {state for state, following in ORDERS.items() if not following} == ENDED


@pytest.mark.parametrize("state", sorted(set(ORDERS) - ENDED))
def test_every_order_can_complete_or_fail(state: str) -> None:
    reached, edge = set[str](), {state}
    while edge:
        reached |= edge
        edge = set[str]().union(*(ORDERS[one] for one in edge)) - reached

    assert reached >= {"completed", "failed"}


@pytest.mark.parametrize("state", ["intended", "pending", "authorised", "captured"])
def test_money_in_any_state_can_be_voided_or_refunded(state: str) -> None:
    assert PAYMENTS[state] & {"voided", "refunded"}
