"""Which payments a run makes: every pair of circumstances first, then any at random."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from tests.chaos.payments.outcomes import Treated

# The decimals of the yen, the dollar and the Kuwaiti dinar are none, two and three.
CURRENCIES = ("JPY", "USD", "KWD")
# In minor units. One is less than many gateways take. Each last digit is 0 where some want that.
AMOUNTS = (1, 50, 1900, 123_450)
# How the order ends: the network takes the plan or refuses it, or the customer cancels.
ENDINGS = ("completed", "completed", "refused by the network", "cancelled")
# What staff give back of a charge.
REFUNDS = (
    *("nothing", "a part", "two parts at once", "all", "too much", "the order"),
    # At the same time the bank disputes the charge, where the gateway has disputes.
    "a part while disputed",
)
# How often the form is sent at once.
SUBMITS = (1, 1, 2)
# How many stories are compared before the next one is chosen.
CANDIDATES = 12
# How much more often than others a method is treated like this.
USUAL = 6


@dataclass(frozen=True)
class Circumstances:
    """What is true of one payment."""

    treated: Treated
    currency: str
    amount: int
    ending: str
    refund: str
    submits: int


Pair = tuple[tuple[int, Any], tuple[int, Any]]


def stories(treated: Sequence[Treated], seed: int) -> Iterator[Circumstances]:
    """Yield circumstances for ever. The first ones contain all pairs, in as few as a search finds.

    A pair is two circumstances that meet in one payment.
    """
    rng = random.Random(seed)  # noqa: S311 -- a seed makes a run repeatable
    choices: list[Sequence[Any]] = [treated, CURRENCIES, AMOUNTS, ENDINGS, REFUNDS, SUBMITS]
    missing = {
        ((one, left), (other, right))
        for (one, lefts), (other, rights) in combinations(enumerate(choices), 2)
        for left in lefts
        for right in rights
    }
    while missing:
        drawn = [tuple(rng.choice(choice) for choice in choices) for _ in range(CANDIDATES)]
        # The first missing pair is always among the candidates, so that the search ends.
        (one, left), (other, right) = min(missing, key=repr)
        drawn[0] = tuple(
            left if place == one else right if place == other else value
            for place, value in enumerate(drawn[0])
        )
        best = max(drawn, key=lambda values: len(_pairs(values) & missing))
        missing -= _pairs(best)
        yield Circumstances(*best)
    choices[0] = [*treated, *[Treated.APPROVED] * USUAL]
    while True:
        yield Circumstances(*(rng.choice(choice) for choice in choices))


def _pairs(values: tuple[Any, ...]) -> set[Pair]:
    return set(combinations(enumerate(values), 2))
