"""What one-time codes are for, and the states of a request for one."""

from django.db.models import TextChoices
from django.utils.translation import pgettext_lazy


class Purpose(TextChoices):
    """What a one-time code is for. A code for one purpose is worth nothing for another."""

    PROVE = "prove", "Prove an address"
    RECOVER = "recover", "Come back without the password"
    REENTER = "reenter", "Ask again before something important"
    LINK = "link", "Link a line"


class CodeState(TextChoices):
    """How far a request for a code has come."""

    # The network is asked whether the number changed hands lately.
    CHECKING = "checking", "Being checked"
    # The code exists, and its message is on the way.
    SENDING = "sending", "Being sent"
    SENT = "sent", "Sent"
    USED = "used", "Used"
    # No code was sent, or its message was not delivered.
    REFUSED = "refused", "Refused"
    # Its time is over, its tries are used up, or a newer request replaced it.
    LAPSED = "lapsed", "Lapsed"


NEXT_STATES: dict[CodeState, frozenset[CodeState]] = {
    CodeState.CHECKING: frozenset({CodeState.SENDING, CodeState.REFUSED, CodeState.LAPSED}),
    CodeState.SENDING: frozenset(
        {CodeState.SENT, CodeState.USED, CodeState.REFUSED, CodeState.LAPSED}
    ),
    CodeState.SENT: frozenset({CodeState.USED, CodeState.LAPSED}),
    CodeState.USED: frozenset(),
    CodeState.REFUSED: frozenset(),
    CodeState.LAPSED: frozenset(),
}
OPEN = frozenset({CodeState.CHECKING, CodeState.SENDING, CodeState.SENT})
# A code may arrive although the answer about its message was lost.
USABLE = frozenset({CodeState.SENDING, CodeState.SENT})


class Refusal(TextChoices):
    """Why a code was not sent."""

    LIMIT = "limit", "A limit on messages, or a number that gets no SMS"
    NUMBER_CHANGED = "number", "The number or its SIM changed hands lately"
    UNDELIVERED = "undelivered", "The message was not delivered"
    UNCHECKED = "unchecked", "The network cannot say whether the number changed hands"
    NOT_ALLOWED = "not_allowed", "The operator's service sends no codes to the number"
    BLOCKED = "blocked", "The number's holder has blocked SMS"


class TypedVerdict(TextChoices):
    """What the operator's service said about a code that a customer typed."""

    RIGHT = "right", "Right"
    WRONG = "wrong", "Wrong"
    FAILED = "failed", "Wrong too often"
    EXPIRED = "expired", "No longer valid"
    UNKNOWN = "unknown", "The service gave no usable answer"


class ProofKind(TextChoices):
    """How it is known that a number is the customer's."""

    CODE_TO_LINE = "code_to_line", pgettext_lazy("proof", "Code to the number")
    BILL_CODE = "bill_code", pgettext_lazy("proof", "Code from the bill")
    OIDC = "oidc", pgettext_lazy("proof", "Sign-in with the operator")
    IDENTITY = "identity", pgettext_lazy("proof", "Identity verified")


class DeletionState(TextChoices):
    """How far the deletion of an account has come. Until it erases, the owner can undo it."""

    ASKED = "asked", "The week runs"
    # The week is over, but for example an order is open.
    WAITING = "waiting", "Waits for something to end"
    ERASING = "erasing", "Erases"
    DONE = "done", "Done"
    UNDONE = "undone", "Undone by its owner"


NEXT_DELETION_STATES: dict[DeletionState, frozenset[DeletionState]] = {
    DeletionState.ASKED: frozenset(
        {DeletionState.WAITING, DeletionState.ERASING, DeletionState.UNDONE}
    ),
    DeletionState.WAITING: frozenset({DeletionState.ERASING, DeletionState.UNDONE}),
    DeletionState.ERASING: frozenset({DeletionState.DONE}),
    DeletionState.DONE: frozenset(),
    DeletionState.UNDONE: frozenset(),
}
OPEN_DELETION = frozenset({DeletionState.ASKED, DeletionState.WAITING, DeletionState.ERASING})
UNDOABLE = frozenset({DeletionState.ASKED, DeletionState.WAITING})
