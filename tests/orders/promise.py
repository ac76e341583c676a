"""The promise, clause by clause. Each clause yields what is wrong in the books."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from esim.states import ProfileState
from orders.models import Order
from orders.states import ENDED, NEXT_STATES, Failure, OrderState
from subscriptions.states import SubscriptionState
from tests.builders import payment_of
from tests.chaos.books import TAKEN
from tests.orders.machine import Form, Seen

NOT_TAKEN_BACK = {"authorised", "captured", "requires_action"}
COME_TO_NOTHING = ENDED - {OrderState.COMPLETED}


@dataclass
class Told:
    """What customers have decided and were told, whatever the books say."""

    # Sent forms by draft, orders whose cancel was accepted, and final states by order.
    forms: dict[int, Form] = field(default_factory=dict)
    cancelled: set[int] = field(default_factory=set)
    ends: dict[int, str] = field(default_factory=dict)


Clause = Callable[[Seen, Told], Iterator[str]]


def one_decision_is_one_order(seen: Seen, told: Told) -> Iterator[str]:
    if Counter(order.draft_id for order in seen.orders) != Counter(told.forms.keys()):
        yield f"{len(told.forms)} forms were taken, there are {len(seen.orders)} orders"


def plan_and_price_are_those_of_the_form(seen: Seen, told: Told) -> Iterator[str]:
    for order in seen.orders:
        form = told.forms.get(order.draft_id)
        if form and (order.plan_id, order.gross_minor_units) != (form.plan, form.minor_units):
            yield f"{order}: {order.plan_name} for {order.gross_minor_units}"


def an_order_has_one_payment_of_its_price(seen: Seen, told: Told) -> Iterator[str]:
    prices = {order.number: order.gross_minor_units for order in seen.orders}
    for number, payments in seen.payments.items():
        if [payment["amount"] for payment in payments] != [prices.get(number)]:
            yield f"{number}: {payments}"


def an_order_has_one_profile(seen: Seen, told: Told) -> Iterator[str]:
    """Find profiles at the SM-DP+ that do not belong to exactly one order."""
    owners = Counter(_iccid(order) for order in seen.orders if _iccid(order))
    for iccid, profile in seen.profiles.items():
        if owners[iccid] != 1:
            yield f"{iccid}: {profile['state']}, of {owners[iccid]} orders"


def nobody_is_charged_before_it_is_decided(seen: Seen, told: Told) -> Iterator[str]:
    for order in seen.orders:
        if "captured" in _statuses(seen, order) and not order.charge_decided_at:
            yield f"{order}: captured"


def nobody_is_charged_who_has_cancelled(seen: Seen, told: Told) -> Iterator[str]:
    for order in seen.orders:
        has_cancelled = order.pk in told.cancelled
        if has_cancelled and ("captured" in _statuses(seen, order) or order.charge_decided_at):
            yield f"{order}: {order.state}, {_statuses(seen, order)}"


def what_is_complete_was_charged(seen: Seen, told: Told) -> Iterator[str]:
    for order in _sold(seen):
        if _statuses(seen, order) != ["captured"] or payment_of(order).state != "captured":
            yield f"{order}: {_statuses(seen, order)}, here {payment_of(order).state}"


def what_is_complete_came(seen: Seen, told: Told) -> Iterator[str]:
    for order in _sold(seen):
        profile = seen.profiles.get(_iccid(order), {})
        is_there = profile.get("state") in {"Released", "Downloaded", "Installed"}
        has_plan = order.subscription and order.subscription.state == SubscriptionState.ACTIVE
        if not has_plan or not (is_there or order.sim_id):
            yield f"{order}: {profile}, {order.subscription}"


def what_is_complete_is_live(seen: Seen, told: Told) -> Iterator[str]:
    """Find plans that the network does not serve on the SIM that was sold."""
    for order in _sold(seen):
        service = seen.services.get(order.number, {})
        sim = order.sim_in_use
        wanted = ("active", [sim.iccid] if sim else [])
        if (service.get("state"), service.get("iccids")) != wanted:
            yield f"{order}: {service}, not {wanted}"


def nobody_pays_for_what_came_to_nothing(seen: Seen, told: Told) -> Iterator[str]:
    """Find charges of ended orders, except of those that staff gave up and refund."""
    for order in _in(seen, *COME_TO_NOTHING):
        is_under_way = order.failure == Failure.GIVEN_UP and order.pk in seen.enqueued
        if "captured" in _statuses(seen, order) and not is_under_way:
            yield f"{order}: {order.state}"


def what_was_undone_holds_nothing(seen: Seen, told: Told) -> Iterator[str]:
    for order in _in(seen, *COME_TO_NOTHING):
        held = NOT_TAKEN_BACK & set(_statuses(seen, order))
        held |= TAKEN & {seen.profiles.get(_iccid(order), {}).get("state", "")}
        held |= {order.subscription.state} if order.subscription else set()
        held |= {"active"} & {seen.services.get(order.number, {}).get("state", "")}
        if order.pk not in seen.enqueued and held - {SubscriptionState.ENDED}:
            yield f"{order}: {order.state}, but {held}"


def every_open_order_has_a_task(seen: Seen, told: Told) -> Iterator[str]:
    for order in seen.orders:
        if order.state not in ENDED | {OrderState.HELD} and order.pk not in seen.enqueued:
            yield f"{order}: {order.state}, and it has no open task"


def an_end_is_an_end(seen: Seen, told: Told) -> Iterator[str]:
    for order in seen.orders:
        before = told.ends.get(order.pk, order.state)
        if before != order.state:
            yield f"{order}: {before}, then {order.state}"


def every_move_is_recorded_once(seen: Seen, told: Told) -> Iterator[str]:
    for order in seen.orders:
        states = [OrderState.ACKNOWLEDGED, *(change.new for change in seen.changes[order.pk])]
        moves = [(change.old, change.new) for change in seen.changes[order.pk]]
        is_chain = moves == list(pairwise(states)) and states[-1] == order.state
        if not is_chain or any(new not in NEXT_STATES[OrderState(old)] for old, new in moves):
            yield f"{order}: {order.state} after {moves}"


def receipts_have_no_gap(seen: Seen, told: Told) -> Iterator[str]:
    completed = {order.payment_id for order in _in(seen, OrderState.COMPLETED)}
    if {receipt.payment_id for receipt in seen.receipts} != completed:
        yield f"{len(seen.receipts)} receipts for {len(completed)} orders"
    for year in {receipt.year for receipt in seen.receipts}:
        numbers = [receipt.number for receipt in seen.receipts if receipt.year == year]
        if numbers != list(range(1, len(numbers) + 1)):
            yield f"{year}: {numbers}"


def every_order_has_ended(seen: Seen, told: Told) -> Iterator[str]:
    for order in seen.orders:
        if order.state not in ENDED:
            yield f"{order}: still {order.state}, {order.last_error}"


def what_was_taken_back_is_paid_back(seen: Seen, told: Told) -> Iterator[str]:
    for order in seen.orders:
        if order.pk in seen.taken_back:
            profile = seen.profiles.get(_iccid(order), {}).get("state", "")
            plan = order.subscription.state if order.subscription else ""
            now = (seen.taken_back[order.pk], _statuses(seen, order), plan)
            service = seen.services.get(order.number, {}).get("state", "")
            is_left = profile in TAKEN or service != "ended"
            if now != ("done", ["refunded"], "cancelled") or is_left:
                yield f"{order}: {now}, {profile}, {service}"


def what_came_to_nothing_is_undone(seen: Seen, told: Told) -> Iterator[str]:
    for order in _in(seen, *COME_TO_NOTHING):
        if order.undone_at is None:
            yield f"{order}: {order.state}, not undone"


def nothing_is_left_to_do(seen: Seen, told: Told) -> Iterator[str]:
    for order in seen.orders:
        if order.pk in seen.enqueued:
            yield f"{order}: {order.state}, {_statuses(seen, order)}, not undone yet"


PROMISE: tuple[Clause, ...] = (
    one_decision_is_one_order,
    plan_and_price_are_those_of_the_form,
    an_order_has_one_payment_of_its_price,
    an_order_has_one_profile,
    nobody_is_charged_before_it_is_decided,
    nobody_is_charged_who_has_cancelled,
    nobody_pays_for_what_came_to_nothing,
    what_is_complete_was_charged,
    what_is_complete_came,
    what_is_complete_is_live,
    what_was_undone_holds_nothing,
    every_open_order_has_a_task,
    an_end_is_an_end,
    every_move_is_recorded_once,
    receipts_have_no_gap,
)
# What also holds once every service works and the workers have finished.
AT_REST = (
    *PROMISE,
    every_order_has_ended,
    what_came_to_nothing_is_undone,
    what_was_taken_back_is_paid_back,
    nothing_is_left_to_do,
)


def broken(clauses: tuple[Clause, ...], seen: Seen, told: Told) -> list[str]:
    """Return every broken clause, with what is wrong."""
    return [f"{clause.__name__}: {off}" for clause in clauses for off in clause(seen, told)]


def _in(seen: Seen, *states: str) -> list[Order]:
    return [order for order in seen.orders if order.state in states]


def _sold(seen: Seen) -> list[Order]:
    """Return the completed orders that were not taken back."""
    return [order for order in _in(seen, OrderState.COMPLETED) if order.pk not in seen.taken_back]


def _statuses(seen: Seen, order: Order) -> list[str]:
    return [payment["status"] for payment in seen.payments.get(order.number, [])]


def _iccid(order: Order) -> str:
    is_ordered = order.profile is not None and order.profile.state != ProfileState.UNUSED
    return order.profile.sim.iccid if order.profile and is_ordered else ""
