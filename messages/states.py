"""Occasions, channels, and the states of a message."""

from django.db.models import TextChoices
from django.utils.translation import pgettext_lazy


class Occasion(TextChoices):
    """What a message is about. `templates/messages/<occasion>.txt` has its texts."""

    ORDER_CONFIRMED = "order_confirmed", pgettext_lazy("message", "Order confirmation")
    ORDER_FAILED = "order_failed", pgettext_lazy("message", "Order not completed")
    ORDER_CANCELLED = "order_cancelled", pgettext_lazy("message", "Order cancelled")
    ORDER_REFUNDED = "order_refunded", pgettext_lazy("message", "Order refunded")
    PART_REFUNDED = "part_refunded", pgettext_lazy("message", "Refund in part")
    PERIOD_REFUNDED = "period_refunded", pgettext_lazy("message", "Refund of a month")
    PLAN_ENDED = "plan_ended", pgettext_lazy("message", "Plan ended")
    RENEWAL_AHEAD = "renewal_ahead", pgettext_lazy("message", "Renewal ahead")
    PRICE_CHANGES = "price_changes", pgettext_lazy("message", "New price")
    RENEWED = "renewed", pgettext_lazy("message", "Plan renewed")
    RENEWAL_REFUSED = "renewal_refused", pgettext_lazy("message", "Renewal not paid")
    METHOD_NEEDED = "method_needed", pgettext_lazy("message", "Payment method needed")
    PAYMENT_OVERDUE = "payment_overdue", pgettext_lazy("message", "Payment overdue")
    PLAN_ON_HOLD = "plan_on_hold", pgettext_lazy("message", "Plan on hold")
    PLAN_CANCELLED = "plan_cancelled", pgettext_lazy("message", "Plan cancelled")
    PLAN_KEPT = "plan_kept", pgettext_lazy("message", "Plan renews again")
    PLAN_CHANGES = "plan_changes", pgettext_lazy("message", "Change of plan")
    PLAN_STAYS = "plan_stays", pgettext_lazy("message", "Change of plan undone")
    RENEWAL_ENDED = "renewal_ended", pgettext_lazy("message", "Plan over")
    DATA_LOW = "data_low", pgettext_lazy("message", "Most of the data is used")
    DATA_USED_UP = "data_used_up", pgettext_lazy("message", "All data is used")
    PLAN_MOVED = "plan_moved", pgettext_lazy("message", "Plan moved to another device")
    MOVE_DROPPED = "move_dropped", pgettext_lazy("message", "Move to another device not finished")
    PLAN_RESUMED = "plan_resumed", pgettext_lazy("message", "Plan on again")
    LINE_LOST = "line_lost", pgettext_lazy("message", "Line confirmed by someone else")
    SIM_TAKEN_OVER = "sim_taken_over", pgettext_lazy("message", "SIM of another customer")
    NEW_SIGN_IN = "new_sign_in", pgettext_lazy("message", "Sign-in from a new browser")
    PASSWORD_CHANGED = "password_changed", pgettext_lazy("message", "Password changed")
    PASSWORD_SET = "password_set", pgettext_lazy("message", "First password set")
    RECOVERED = "recovered", pgettext_lazy("message", "New password after a recovery")
    ADDRESS_ADDED = "address_added", pgettext_lazy("message", "Address confirmed")
    ADDRESS_REMOVED = "address_removed", pgettext_lazy("message", "Address removed")
    ADDRESS_LOST = "address_lost", pgettext_lazy("message", "Address of another account")
    IDENTIFIER_CHANGED = "identifier_changed", pgettext_lazy("message", "New sign-in address")
    SUPPORT_RECOVERY = "support_recovery", pgettext_lazy("message", "A call to support")
    SUPPORT_CODE = "support_code", pgettext_lazy("message", "Code from support")
    SIGN_IN_ADDED = "sign_in_added", pgettext_lazy("message", "Another way to sign in")
    SIGN_IN_REMOVED = "sign_in_removed", pgettext_lazy("message", "A way to sign in was removed")
    DELETION_ASKED = "deletion_asked", pgettext_lazy("message", "Account will be deleted")
    DELETION_UNDONE = "deletion_undone", pgettext_lazy("message", "Account stays")
    ACCOUNT_DELETED = "account_deleted", pgettext_lazy("message", "Account deleted")
    # Receipts of what is declared by law. They are always sent.
    DECLARED = "declared", pgettext_lazy("message", "Withdrawal or cancellation received")
    DECLARATION_CLOSED = (
        "declaration_closed",
        pgettext_lazy("message", "Withdrawal or cancellation decided"),
    )
    CODE = "code", pgettext_lazy("message", "One-time code")
    PASSWORD_LINK = "password_link", "Link to set a password"


# These go to all addresses of an account. An attacker who controls one address cannot hide them.
SECURITY = frozenset(
    {
        Occasion.PLAN_MOVED,
        Occasion.LINE_LOST,
        Occasion.SIM_TAKEN_OVER,
        Occasion.NEW_SIGN_IN,
        Occasion.PASSWORD_CHANGED,
        Occasion.PASSWORD_SET,
        Occasion.RECOVERED,
        Occasion.ADDRESS_ADDED,
        Occasion.ADDRESS_REMOVED,
        Occasion.ADDRESS_LOST,
        Occasion.IDENTIFIER_CHANGED,
        Occasion.SUPPORT_RECOVERY,
        Occasion.SIGN_IN_ADDED,
        Occasion.SIGN_IN_REMOVED,
        Occasion.DELETION_ASKED,
        Occasion.DELETION_UNDONE,
        Occasion.ACCOUNT_DELETED,
    }
)


# These are not urgent, so they wait until it is day where the reader is (QUIET_HOURS). All others
# leave at once: they answer the reader, refuse or warn, or the law sets their time, as when data
# runs out.
WAITS_FOR_DAY = frozenset(
    {
        Occasion.ORDER_REFUNDED,
        Occasion.PART_REFUNDED,
        Occasion.PERIOD_REFUNDED,
        Occasion.RENEWAL_AHEAD,
        Occasion.PRICE_CHANGES,
        Occasion.RENEWED,
        Occasion.METHOD_NEEDED,
        Occasion.RENEWAL_ENDED,
        Occasion.MOVE_DROPPED,
        Occasion.PLAN_RESUMED,
    }
)


class Channel(TextChoices):
    """How a message leaves: the kind of its address decides."""

    MAIL = "mail", "Mail"
    SMS = "sms", "SMS"


class MessageState(TextChoices):
    """How far a message has come."""

    QUEUED = "queued", "Queued"
    SENDING = "sending", "Being sent"
    SENT = "sent", "Sent"
    REFUSED = "refused", "Refused"
    # No sender has answered within MESSAGE_RETRY_HOURS.
    UNDELIVERED = "undelivered", "Not delivered"
    # Its code is no longer valid.
    LAPSED = "lapsed", "Lapsed"


NEXT_STATES: dict[MessageState, frozenset[MessageState]] = {
    MessageState.QUEUED: frozenset(
        {MessageState.SENDING, MessageState.REFUSED, MessageState.LAPSED}
    ),
    MessageState.SENDING: frozenset(
        {
            MessageState.SENT,
            MessageState.REFUSED,
            MessageState.UNDELIVERED,
            MessageState.LAPSED,
        }
    ),
    MessageState.SENT: frozenset(),
    MessageState.REFUSED: frozenset(),
    MessageState.UNDELIVERED: frozenset(),
    MessageState.LAPSED: frozenset(),
}
OPEN = frozenset({MessageState.QUEUED, MessageState.SENDING})
FAILED = frozenset({MessageState.REFUSED, MessageState.UNDELIVERED})
