"""One search over the look-ups of all rooms."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from moportal.finding import Kind, Typed, Way

# Rows of one kind that are shown.
MOST = 20


@dataclass(frozen=True)
class Group:
    """The rows of one kind that were found, the newest first."""

    kind: Kind
    rows: list[Model]
    has_more: bool


def find(typed: Typed, kinds: Iterable[Kind]) -> list[Group]:
    """Return what was found of these kinds. No other kind is looked for."""
    kinds = tuple(kinds)
    return _groups(typed, kinds, lambda kind: kind.ways) or _groups(
        typed, kinds, lambda kind: kind.later_ways
    )


def _groups(
    typed: Typed, kinds: tuple[Kind, ...], ways_of: Callable[[Kind], tuple[Way, ...]]
) -> list[Group]:
    found = ((kind, _rows(typed, ways_of(kind))) for kind in kinds)
    return [Group(kind, rows[:MOST], len(rows) > MOST) for kind, rows in found if rows]


def _rows(typed: Typed, ways: tuple[Way, ...]) -> list[Model]:
    """Return each row once, although several ways may find it."""
    rows: dict[Any, Model] = {}
    for way in ways:
        # One more than is shown says that there are more. Nothing is counted.
        rows |= {row.pk: row for row in way(typed).order_by("-pk")[: MOST + 1]}
    return sorted(rows.values(), key=lambda row: row.pk, reverse=True)
