"""What ends with an account, and what its deletion waits for.

Other rooms register both, because this room may not call them. The page of the deletion shows both
before the customer confirms.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from django_stubs_ext import StrOrPromise

from accounts.models import User


class When(Enum):
    """When something ends."""

    # When the customer asks. Renewals and agreements to charge end, so nothing more is charged.
    ASKED = "asked"
    # When the week is over. Until then plans and methods stay, because the deletion can be undone.
    DUE = "due"


@dataclass(frozen=True)
class Ending:
    """Something that ends with the account. `texts` returns one sentence for each such thing.

    `end` is called in a transaction, and may be called again. It makes no outside call itself: it
    enqueues a task that does.
    """

    name: str
    when: When
    texts: Callable[[User], Sequence[StrOrPromise]]
    end: Callable[[User], None]


@dataclass(frozen=True)
class Obstacle:
    """Something that must end by itself before anything is erased, such as an open order."""

    name: str
    text: StrOrPromise
    stands: Callable[[User], bool]


_endings: dict[str, Ending] = {}
_obstacles: dict[str, Obstacle] = {}


def register(*found: Ending | Obstacle) -> None:
    """Add endings and obstacles of a room. Call it once, in the app config's `ready`."""
    for one in found:
        if isinstance(one, Ending):
            _endings[one.name] = one
        else:
            _obstacles[one.name] = one


def texts_of_endings(account: User) -> list[StrOrPromise]:
    """Return a sentence for each thing that ends with the account."""
    return [text for ending in _endings.values() for text in ending.texts(account)]


def end_all(account: User, when: When) -> None:
    """End what ends at this moment. Call it in the transaction that makes the moment."""
    # The upper rooms' endings come first: a plan is cancelled before its mandate ends. Otherwise
    # the customer would be asked for another payment method.
    for ending in reversed(_endings.values()):
        if ending.when is when:
            ending.end(account)


def obstacles_of(account: User) -> list[Obstacle]:
    """Return what the deletion has to wait for now."""
    return [one for one in _obstacles.values() if one.stands(account)]
