"""What happened to an order or to a customer, read from the tables of all rooms.

One statement reads it. No copy is stored. Each room lists its tables as sources in its module
`timeline`: which rows belong to a subject, when each happened, and what it says to staff.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from django.db.models import F, Model, QuerySet, TextChoices, Value
from django.db.models.functions import JSONObject


class Kind(TextChoices):
    """What staff choose events by."""

    VISITS = "visits", "Visits and devices"
    ORDERS = "orders", "Orders"
    PAYMENTS = "payments", "Payments"
    ESIMS = "esims", "eSIMs"
    PLANS = "plans", "Plans and network"
    MESSAGES = "messages", "Messages"
    ACCESS = "access", "Sign-in and support"


@dataclass(frozen=True)
class Subject:
    """Whose events are read: an order's or a customer's. The collections have the rows' keys.

    `is_customer` adds what belongs to the account itself, such as sign-ins. Network calls before
    `since` are left out: a running plan has older ones, which are about other orders.
    """

    account: int
    is_customer: bool = False
    addresses: Collection[str] = ()
    visits: Collection[int] = ()
    orders: Collection[int] = ()
    references: Collection[str] = ()
    payments: Collection[int] | QuerySet[Any, Any] = ()
    profiles: Collection[int] = ()
    iccids: Collection[str] = ()
    plans: Collection[int] = ()
    since: datetime | None = None


Facts = Mapping[str, Any]


def _never(_subject: Subject, _facts: Facts) -> bool:
    return False


@dataclass(frozen=True)
class Source:
    """One kind of event: the rows of a table, by one of their times.

    `facts` maps names to lookups. `words` makes the event's text of them. The fact `actor` is who
    did it. `page` is the model and the fact with the key of the page at the desk. `is_claim` says
    whether it may be a stranger's claim.
    """

    name: str
    kind: Kind
    where: str
    rows: Callable[[Subject], QuerySet[Any]]
    at: str
    facts: Mapping[str, str]
    words: Callable[[Facts], str]
    page: tuple[type[Model], str] | None = None
    is_claim: Callable[[Subject, Facts], bool] = _never

    def events(self, subject: Subject, until: datetime | None) -> QuerySet[Any, Any]:
        happened = {f"{self.at}__isnull": False} | ({f"{self.at}__lte": until} if until else {})
        events: QuerySet[Any, Any] = self.rows(subject).filter(**happened).order_by()
        columns = {
            "entry_at": F(self.at),
            "entry_source": Value(self.name),
            "entry_facts": JSONObject(**self.facts),
        }
        found: QuerySet[Any, Any] = events.annotate(**columns).values_list(*columns)
        return found


@dataclass(frozen=True)
class Entry:
    """An event: when it happened, which system it concerns, and what happened."""

    at: datetime
    where: str
    what: str
    kind: Kind
    actor: str = ""
    page: tuple[type[Model], int] | None = None
    is_claim: bool = False
    # What was read: the source's name, and its facts.
    source: str = ""
    facts: Facts = field(default_factory=dict)


def read(
    subject: Subject,
    sources: Iterable[Source],
    *,
    most: int | None = None,
    until: datetime | None = None,
) -> list[Entry]:
    """Return the subject's events, the newest first: at most so many, and none after `until`."""
    by_name = {source.name: source for source in sources}
    first, *others = (source.events(subject, until) for source in by_name.values())
    events = first.union(*others, all=True).order_by("-entry_at", "entry_source")[:most]
    make = partial(_entry, subject)
    return [make(by_name[name], at, facts) for at, name, facts in events]


def _entry(subject: Subject, source: Source, at: datetime, facts: Facts) -> Entry:
    key = facts[source.page[1]] if source.page else None
    return Entry(
        at=at,
        where=source.where,
        what=source.words(facts).strip(),
        kind=source.kind,
        actor=facts.get("actor") or "",
        page=(source.page[0], key) if source.page and key else None,
        is_claim=source.is_claim(subject, facts),
        source=source.name,
        facts=facts,
    )


def in_brackets(text: str) -> str:
    """Return a reason as it stands behind an event, or nothing if there is none."""
    return f" ({text})" if text else ""
