"""What each table knows about a person: what is exported, what is erased, and what is kept.

Each room registers an entry for every table of its own, in its module `personal`. The tables of
docs/privacy.md are made from the entries, and a test fails for a table or a column without one.
`accounts.domain.exporting` and `accounts.domain.erasing` apply them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any

from django.db import transaction
from django.db.models import Exists, ForeignObjectRel, Model, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

# One transaction deletes at most this many rows. The next one continues.
BATCH = 1000
# Why a column is not in the file.
SECRET = "whoever has the file could use it"  # noqa: S105 -- a sentence
INTERNAL = "how the portal worked, not what the customer did"


@dataclass(frozen=True)
class Person:
    """The customer whose rows are looked for: the account's key and its own addresses."""

    key: int
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class Reason:
    """Why something outlives the account. The customer reads `text`.

    `setting` names the time until it is deleted. Without one, `until` says in words what ends it.
    """

    name: str
    text: StrOrPromise
    setting: str = ""
    until: StrOrPromise = ""
    # Each deletion makes such a row, so nobody has to look for one before.
    is_certain: bool = False


BOOKS = Reason(
    "books",
    _(
        "Orders, charges and refunds, without your name, addresses and device."
        " Tax law requires us to keep them."
    ),
    setting="BOOKS_YEARS",
)


@dataclass(frozen=True)
class Keep:
    """Columns that outlive the account, for one reason."""

    reason: Reason
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Amount:
    """Two columns that are exported as one text: minor units and their currency."""

    minor_units: str
    currency: str = "currency"


@dataclass(frozen=True)
class Impersonal:
    """A table that knows no customer. `why` says what it has instead."""

    model: type[Model]
    why: str


@dataclass(frozen=True)
class Personal:
    """A table with rows about a customer.

    `of` has the lookups from a row to the key of its account, such as `line__account`, or it is a
    function for a table that only knows an address.

    `exports` maps each exported column to its name in the file. An amount, which has two columns,
    is the other way around: its name in the file is mapped to the `Amount`. `withholds` says why a
    column is not in the file. `erases` maps columns to their values after the deletion. An empty
    mapping keeps the rows as they are. If it is None, the rows are deleted.
    """

    model: type[Model]
    of: tuple[str, ...] | Callable[[Person], Q]
    # The name of the list in the file. Without a name, nothing is exported.
    section: str = ""
    exports: Mapping[str, str | Amount] = field(default_factory=dict)
    withholds: Mapping[str, str] = field(default_factory=dict)
    erases: Mapping[str, Any] | None = None
    keeps: tuple[Keep, ...] = ()
    # Only rows that match are erased. The others are kept as they are.
    only: Q = field(default_factory=Q)
    # Whether rows to which no other row refers are deleted.
    is_deleted_when_free: bool = False
    # The outbox's kinds for these rows: while one has an open task, nothing is erased.
    tasks: tuple[str, ...] = ()
    # Erased together with the account, in its last transaction.
    is_last: bool = False

    def rows(self, person: Person) -> QuerySet[Model]:
        """Return the person's rows. A row that is found over two paths comes once."""
        table: QuerySet[Model] = QuerySet(self.model)
        if callable(self.of):
            return table.filter(self.of(person))
        paths = (Q(pk__in=table.filter(**{path: person.key}).values("pk")) for path in self.of)
        return table.filter(reduce(or_, paths))

    @property
    def hops(self) -> int:
        """Return how many tables lie between a row and its account, at most.

        Rows that are found by an address count as the farthest, so they go before the addresses.
        """
        if callable(self.of):
            return 100
        return max(path.count("__") for path in self.of)

    def erase_batch(self, person: Person) -> int:
        """Change the columns of all rows, delete one batch of rows, and return how many went."""
        with transaction.atomic():
            rows = self.rows(person).filter(self.only)
            if self.erases:
                QuerySet(self.model).filter(pk__in=rows.values("pk")).update(**self.erases)
            if self.erases is None or self.is_deleted_when_free:
                return self._delete_batch(rows)
        return 0

    def _delete_batch(self, rows: QuerySet[Model]) -> int:
        if self.is_deleted_when_free:
            rows = unreferred(rows)
        keys = list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH])
        QuerySet(self.model).filter(pk__in=keys).delete()
        return len(keys)


def unreferred(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Leave out the rows to which another row refers."""
    for relation in rows.model._meta.get_fields(include_hidden=True):
        if isinstance(relation, ForeignObjectRel) and not relation.many_to_many:
            is_this_row = {relation.field.name: OuterRef("pk")}
            rows = rows.exclude(Exists(QuerySet(relation.related_model).filter(**is_this_row)))
    return rows


Entry = Impersonal | Personal
_entries: list[Entry] = []


def register(*entries: Entry) -> None:
    """Add the entries of a room. Its module `personal` calls this at import."""
    _entries.extend(entries)


def registered() -> list[Entry]:
    """Return all entries. The rooms are loaded from the lowest to the highest."""
    return list(_entries)


def personal() -> list[Personal]:
    """Return the tables with rows about customers, from the lowest room to the highest."""
    return [entry for entry in _entries if isinstance(entry, Personal)]


def in_order_of_erasing() -> list[Personal]:
    """Return the tables in the order in which they are erased.

    A table comes before the tables through which its rows are found. Of two tables that are equally
    far from the account, the upper room's comes first, because its rows may refer to the others.
    """
    last_first = [entry for entry in reversed(personal()) if not entry.is_last]
    return sorted(last_first, key=lambda entry: -entry.hops)
