"""What the desk's search box finds. Each room offers its own look-ups in its module `finding`.

A look-up compares whole values in their normal form, with columns that have an index. So it costs
the same however many rows a table has.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from django.db.models import Model, QuerySet

from moportal.identifiers import Eid, Iccid, InvalidIdentifier
from moportal.text.normal_text import normalise_number


@dataclass(frozen=True)
class Typed:
    """What staff typed, and the market in which its phone numbers are read."""

    text: str
    market: str

    @cached_property
    def compact(self) -> str:
        """Return the text without white space and dashes, with the digits of any script."""
        return normalise_number(self.text).replace("-", "")

    @cached_property
    def iccid(self) -> str:
        """Return the ICCID, or an empty text if this is none."""
        return _parsed(Iccid.parse, self.compact)

    @cached_property
    def eid(self) -> str:
        """Return the EID, or an empty text if this is none."""
        return _parsed(Eid.parse, self.compact)

    @cached_property
    def transaction_ids(self) -> list[str]:
        """Return what this may be as a transactionId: as it is, and percent-decoded once."""
        texts = {self.text, unquote(self.text)}
        # None is longer, and none has control characters (docs/contract.md#launch).
        return [text for text in texts if len(text) <= 64 and not re.search(r"[\0-\x1f]", text)]  # noqa: PLR2004 -- the contract's limit


def _parsed(parse: Callable[[str], str], text: str) -> str:
    try:
        return str(parse(text))
    except InvalidIdentifier:
        return ""


# Returns an empty queryset, which asks the database nothing, if the text cannot be what it finds.
Way = Callable[[Typed], QuerySet[Any]]


@dataclass(frozen=True)
class Kind:
    """Rows of one model that has pages at the desk, the ways to find them, and what they show.

    `facts` tells a row apart from others. `later_ways` are used only if nothing was found by all
    kinds' `ways`: what they find is on a page that those would have led to.
    """

    name: str
    model: type[Model]
    ways: tuple[Way, ...]
    facts: Callable[[Any], Iterable[str]]
    later_ways: tuple[Way, ...] = ()


def day(at: datetime) -> str:
    """Return the day in UTC, as the desk shows it."""
    return f"{at:%Y-%m-%d}"
