"""How long each table keeps its rows, and the deletion of rows whose time is over.

Each room registers a rule for every table of its own, in its module `retention`. The table of
docs/retention.md is made from the rules, and a test fails for a table without one. The handler of
`outbox.purging` applies them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.utils.timezone import now

# How many rows one call deletes at most. The next call continues.
BATCH = 1000


@dataclass(frozen=True)
class Kept:
    """A table whose rows are never deleted. `why` says what limits their number."""

    model: type[Model]
    why: str


@dataclass(frozen=True)
class Timed:
    """A table whose rows are deleted some days after the time in the column `since`.

    `setting` names the setting with the days; without one, rows are deleted at that time. The
    column may be of another table. Only rows that match `only` are deleted, and no row to which
    another row still refers.
    """

    model: type[Model]
    why: str
    since: str
    setting: str = ""
    only: Q = field(default_factory=Q)

    def delete_batch(self) -> int:
        """Delete one batch of rows whose time is over, and return how many it deleted."""
        rows = self.overdue().order_by("pk").select_for_update(skip_locked=True, of=("self",))
        with transaction.atomic():
            keys = [row.pk for row in rows.only("pk")[:BATCH]]
            QuerySet(self.model).filter(pk__in=keys).delete()
        return len(keys)

    def overdue(self) -> QuerySet[Model]:
        """Return the rows whose time is over and to which no other row refers."""
        days = getattr(settings, self.setting) if self.setting else 0
        before = now() - timedelta(days=days)
        past: dict[str, Any] = {f"{self.since}__lt": before}
        rows: QuerySet[Model] = QuerySet(self.model).filter(self.only, **past)
        for relation in self.model._meta.related_objects:
            is_this_row = {relation.field.name: OuterRef("pk")}
            rows = rows.exclude(Exists(QuerySet(relation.related_model).filter(**is_this_row)))
        return rows


@dataclass(frozen=True)
class Deleted:
    """A table with a function that deletes its rows after the time in a setting."""

    model: type[Model]
    why: str
    setting: str
    delete_batch: Callable[[], int]
    # A table that grows fast is purged every hour. Others are purged once a day.
    is_hourly: bool = False


@dataclass(frozen=True)
class Follows:
    """A table whose rows are deleted with the row of another table, given by its label."""

    model: type[Model]
    why: str
    leader: str


Rule = Kept | Timed | Deleted | Follows
_rules: list[Rule] = []


def register(*rules: Rule) -> None:
    """Add the rules of a room. Its module `retention` calls this at import."""
    _rules.extend(rules)


def registered() -> list[tuple[str, Rule]]:
    """Return each rule with the label of its table, such as orders.Order, sorted."""
    return sorted(
        ((rule.model._meta.label, rule) for rule in _rules), key=lambda labelled: labelled[0]
    )


def purged() -> list[str]:
    """Return the labels of the tables from which rows are deleted by their own rules."""
    found = {label: rule for label, rule in registered() if isinstance(rule, Timed | Deleted)}
    return list(found)


def hourly() -> set[str]:
    """Return the labels of the tables that are purged every hour."""
    return {label for label, rule in registered() if isinstance(rule, Deleted) and rule.is_hourly}


def purge(label: str) -> int:
    """Delete a batch of a table's rows by each of its rules, and return how many it deleted."""
    rules = [rule for of_table, rule in registered() if of_table == label]
    return sum(rule.delete_batch() for rule in rules if isinstance(rule, Timed | Deleted))
