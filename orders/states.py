"""States of orders, repairs and returns. Order states have the names of TM Forum 622."""

from django.db.models import TextChoices
from django.utils.translation import pgettext_lazy


class OrderKind(TextChoices):
    """What an order buys: a plan of its own, or something for a plan that is running.

    Only staff read these names.
    """

    NEW_PLAN = "new_plan", "New plan"
    # Another recurring plan takes the place of the running one, at once.
    CHANGE = "change", "Change of plan"
    # One more device uses the running plan.
    ATTACH = "attach", "Another device"
    # This device uses the running plan in the place of another one.
    MOVE = "move", "Move to another device"


# Such an order puts a SIM on the line of a running plan, which goes on whatever becomes of it.
ADDS_DEVICE = frozenset({OrderKind.ATTACH, OrderKind.MOVE})


class OrderState(TextChoices):
    """Where an order stands, and who must act next."""

    ACKNOWLEDGED = "acknowledged", pgettext_lazy("order state", "Received")
    # A worker must act.
    IN_PROGRESS = "in_progress", pgettext_lazy("order state", "In progress")
    # The customer must act, for example confirm at the bank.
    PENDING = "pending", pgettext_lazy("order state", "Waiting for you")
    # Staff must act: the charge was decided, but the order could not be finished.
    HELD = "held", pgettext_lazy("order state", "Waiting for us")
    COMPLETED = "completed", pgettext_lazy("order state", "Complete")
    FAILED = "failed", pgettext_lazy("order state", "Failed")
    CANCELLED = "cancelled", pgettext_lazy("order state", "Cancelled")


ENDED = frozenset({OrderState.COMPLETED, OrderState.FAILED, OrderState.CANCELLED})
NEXT_STATES: dict[OrderState, frozenset[OrderState]] = {
    OrderState.ACKNOWLEDGED: frozenset(
        {OrderState.IN_PROGRESS, OrderState.FAILED, OrderState.CANCELLED}
    ),
    OrderState.IN_PROGRESS: frozenset(
        {
            OrderState.PENDING,
            OrderState.HELD,
            OrderState.COMPLETED,
            OrderState.FAILED,
            OrderState.CANCELLED,
        }
    ),
    OrderState.HELD: frozenset({OrderState.IN_PROGRESS, OrderState.FAILED}),
    OrderState.PENDING: frozenset(
        {OrderState.IN_PROGRESS, OrderState.FAILED, OrderState.CANCELLED}
    ),
    OrderState.COMPLETED: frozenset(),
    OrderState.FAILED: frozenset(),
    OrderState.CANCELLED: frozenset(),
}

# After this many attempts, in about an hour, staff must act.
TRIES_BEFORE_STAFF = 16


class Failure(TextChoices):
    """Why an order came to nothing; the words for the customer are in `orders.texts`."""

    PAYMENT_REFUSED = "payment_refused", pgettext_lazy("order failure", "Payment refused")
    NO_PROFILE_LEFT = "no_profile_left", pgettext_lazy("order failure", "ICCID pool empty")
    PROFILE_REFUSED = (
        "profile_refused",
        pgettext_lazy("order failure", "SM-DP+ refused the profile"),
    )
    NETWORK_REFUSED = "network_refused", pgettext_lazy("order failure", "Network refused the plan")
    SERVICE_DOWN = "service_down", pgettext_lazy("order failure", "A service did not answer")
    LAPSED = (
        "lapsed",
        pgettext_lazy("order failure", "Authorisation ended before the charge"),
    )
    GIVEN_UP = "given_up", pgettext_lazy("order failure", "Given up by staff, refunded")
    SIM_OF_ANOTHER = "sim_of_another", pgettext_lazy("order failure", "SIM of another customer")
    NO_PLACE_LEFT = "no_place_left", pgettext_lazy("order failure", "Too many devices on the plan")
    NOT_SHARED = "not_shared", pgettext_lazy("order failure", "Plan takes no device now")
    SIM_HAS_PLAN = "sim_has_plan", pgettext_lazy("order failure", "SIM has a plan of its own")
    NOT_MOVABLE = "not_movable", "The plan cannot move to this device now"
    PLAN_CHANGED = "plan_changed", "The plan changed meanwhile"


class ReturnState(TextChoices):
    """What has become of taking an order back."""

    ASKED = "asked", pgettext_lazy("refund state", "In progress")
    DONE = "done", pgettext_lazy("refund state", "Refunded")
    # Staff may request the return again.
    REFUSED = "refused", pgettext_lazy("refund state", "Refused by the gateway")


class RepairKind(TextChoices):
    """What a repair does at the SM-DP+."""

    REISSUE = "reissue", pgettext_lazy("repair", "New eSIM")
    RELEASE = "release", pgettext_lazy("repair", "Release")


class RepairState(TextChoices):
    """How far a repair has come. Every state but `asked` is final."""

    ASKED = "asked", pgettext_lazy("repair state", "In progress")
    DONE = "done", pgettext_lazy("repair state", "Done")
    # The old profile is on a device, so no second one is issued.
    REFUSED = "refused", pgettext_lazy("repair state", "Already downloaded")
    FAILED = "failed", pgettext_lazy("repair state", "Failed")


class DeclarationKind(TextChoices):
    """What a customer declares by law, without sign-in. Only staff read these names."""

    WITHDRAWAL = "withdrawal", "Withdrawal"
    CANCEL = "cancel", "Cancellation"


class DeclarationState(TextChoices):
    """Where a declaration stands. Staff must act on `matched` and `unmatched`."""

    RECEIVED = "received", "Received"
    MATCHED = "matched", "Order found, staff decide"
    UNMATCHED = "unmatched", "No order found"
    DONE = "done", "Done"


NEXT_DECLARATION_STATES: dict[DeclarationState, frozenset[DeclarationState]] = {
    DeclarationState.RECEIVED: frozenset(
        {DeclarationState.MATCHED, DeclarationState.UNMATCHED, DeclarationState.DONE}
    ),
    # Staff may find that another order is meant.
    DeclarationState.MATCHED: frozenset({DeclarationState.MATCHED, DeclarationState.DONE}),
    DeclarationState.UNMATCHED: frozenset({DeclarationState.MATCHED, DeclarationState.DONE}),
    DeclarationState.DONE: frozenset(),
}


# Staff must act on these.
OPEN_CASES = frozenset({DeclarationState.MATCHED, DeclarationState.UNMATCHED})


class DeclarationOutcome(TextChoices):
    """What was done with a declaration, or why the worker left it to staff."""

    CANCELLED = "cancelled", "The plan is cancelled"
    RETURNED = "returned", "The order is taken back"
    NO_ORDER = "no_order", "Order and address do not match"
    NOT_PROVEN = "not_proven", "The address is not proven"
    HAS_NOTE = "has_note", "The customer wrote a note"
    NOT_RUNNING = "not_running", "The plan does not renew"
    TOO_LATE = "too_late", "The term is over"
    IN_USE = "in_use", "The eSIM or the data may be in use"
    REFUSED = "refused", "The order cannot be taken back now"
    BY_STAFF = "by_staff", "Staff have found the order"
