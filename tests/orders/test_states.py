"""The states of orders and payments, written out once more: what may follow what."""

import pytest

from orders.states import ENDED, NEXT_STATES, OrderState
from payments import states as payment_states
from payments.states import PaymentState

ORDERS = {
    "acknowledged": {"in_progress", "failed", "cancelled"},
    "in_progress": {"pending", "held", "completed", "failed", "cancelled"},
    "pending": {"in_progress", "failed", "cancelled"},
    # Charged, or about to be: it is finished, or given up and paid back; never just cancelled.
    "held": {"in_progress", "failed"},
    "completed": set(),
    "failed": set(),
    "cancelled": set(),
}
PAYMENTS = {
    "intended": {"pending", "authorised", "declined", "voided"},
    "pending": {"authorised", "declined", "captured", "voided"},
    "authorised": {"captured", "voided"},
    "captured": {"refunded"},
    "declined": set(),
    "voided": set(),
    "refunded": set(),
}


def test_an_order_moves_like_this_and_no_other_way() -> None:
    assert {state: set(following) for state, following in NEXT_STATES.items()} == ORDERS
    assert set(OrderState.values) == set(ORDERS)


def test_a_payment_moves_like_this_and_no_other_way() -> None:
    table = payment_states.NEXT_STATES
    assert {state: set(following) for state, following in table.items()} == PAYMENTS
    assert set(PaymentState.values) == set(PAYMENTS)


def test_what_has_ended_has_nowhere_to_go() -> None:
    assert {state for state, following in ORDERS.items() if not following} == ENDED


@pytest.mark.parametrize("state", sorted(set(ORDERS) - ENDED))
def test_from_everywhere_there_is_a_way_to_an_end(state: str) -> None:
    reached, edge = set[str](), {state}
    while edge:
        reached |= edge
        edge = set[str]().union(*(ORDERS[one] for one in edge)) - reached

    assert reached >= {"completed", "failed"}


@pytest.mark.parametrize("state", ["intended", "pending", "authorised", "captured"])
def test_from_wherever_money_is_it_can_be_let_go_of(state: str) -> None:
    assert PAYMENTS[state] & {"voided", "refunded"}
