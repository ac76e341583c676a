"""The buckets that a SIM can use now, read with or without a guard.

On PostgreSQL this is one prepared statement in one round trip (docs/decisions/010). On
other databases the ORM reads the same rows. A test compares the two.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple, Protocol

from django.db import connection, transaction
from django.db.models import QuerySet

from esim.models import Sim
from moportal.database.prepared import execute_prepared
from subscriptions.models import Bucket, OperatorLine


class UsableBucket(NamedTuple):
    """A bucket with something left, of a period that can be used now."""

    key: int
    is_unlimited: bool
    left_bytes: int
    ends_at: datetime
    countries: list[str]

    @property
    def order_of_use(self) -> tuple[datetime, bool, int]:
        """Return the sort key: first the end, then metered before unlimited, then age."""
        return self.ends_at, self.is_unlimited, self.key


class Guard(Protocol):
    """A check of the request, made by the statement that reads the buckets.

    In the statement, `$1` is the time and `$2` is the ICCID. The
    guard's own values start at `$3`.
    """

    @property
    def values(self) -> Sequence[Any]:
        """Return the values of the guard's parameters."""

    def compose(self, *, again: bool) -> tuple[str, str]:
        """Return a WITH clause (or an empty text), and an SQL expression for the verdict.

        If the verdict is null, the request passes. `again` is true if the statement is
        sent a second time after a lost connection. The first one may have been committed,
        so its rows must not refuse the second.
        """

    def check(self) -> str | None:
        """Make the same check with the ORM, inside a transaction, and return the verdict."""


class NoGuard:
    """Lets every request pass."""

    values: tuple[Any, ...] = ()

    def compose(self, *, again: bool) -> tuple[str, str]:
        return "", "NULL"

    def check(self) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read about a SIM. `is_in_programme` is None if the SIM is unknown.

    If `verdict` is set, the guard refuses the request. Then do not use the other fields.
    """

    verdict: str | None
    is_in_programme: bool | None
    buckets: tuple[UsableBucket, ...] = ()
    # When the operator was asked what is left. None if the operator has no part in the SIM's line.
    balances_at: datetime | None = None


def read_sim(iccid: str | None, *, at: datetime, guard: Guard) -> Reading:
    """Run the guard's check and read the SIM's usable buckets, in no particular order."""
    if connection.vendor == "postgresql":
        return read_by_statement(iccid, at=at, guard=guard)
    return read_by_orm(iccid, at=at, guard=guard)


@transaction.atomic
def read_by_orm(iccid: str | None, *, at: datetime, guard: Guard) -> Reading:
    verdict = guard.check()
    sim = Sim.objects.filter(iccid=iccid).only("pk", "is_in_programme").first()
    if sim is None:
        return Reading(verdict, None)
    running = running_buckets(at).filter(
        period__line__sims__sim=sim, period__line__sims__until=None
    )
    usable = tuple(usable_bucket(one) for one in running if one.is_unlimited or one.left_bytes > 0)
    asked = OperatorLine.objects.filter(line__sims__sim=sim, line__sims__until=None)
    balances_at = asked.values_list("balances_at", flat=True).first()
    return Reading(verdict, sim.is_in_programme, usable, balances_at)


def running_buckets(at: datetime) -> QuerySet[Bucket]:
    """Return the buckets of periods that can be used at this time, used up or not.

    Microbalances are left out: they only let a device reach the portal.
    """
    running = Bucket.objects.filter(
        period__starts_at__lte=at,
        period__usable_until__gt=at,
    )
    return running.exclude(kind=Bucket.Kind.MICROBALANCE).select_related("period")


def usable_bucket(bucket: Bucket) -> UsableBucket:
    ends_at = bucket.period.usable_until
    assert ends_at is not None  # noqa: S101 -- the callers read usable periods
    return UsableBucket(
        bucket.pk, bucket.is_unlimited, bucket.left_bytes, ends_at, bucket.countries
    )


# Literals such as 'microbalance' are not parameters: PostgreSQL uses a partial index only if it
# sees the index's condition in the text. Countries are read as text, because there are
# only as many different lists as plans, so the cache below parses each list once.
_STATEMENT = """
    {with_clause}
    SELECT {verdict}, sim.is_in_programme, operator.balances_at,
        bucket.id, bucket.kind = 'unlimited',
        bucket.total_bytes - bucket.used_bytes, period.usable_until, bucket.countries::text
    FROM (VALUES (1)) AS one
    LEFT JOIN esim_sim AS sim ON sim.iccid = $2
    LEFT JOIN subscriptions_simonline AS stay
        ON stay.sim_id = sim.id AND stay.until IS NULL
    LEFT JOIN subscriptions_operatorline AS operator ON operator.line_id = stay.line_id
    LEFT JOIN (
        subscriptions_period AS period
        JOIN subscriptions_bucket AS bucket
            ON bucket.period_id = period.id
            AND bucket.kind <> 'microbalance'
            AND (bucket.kind = 'unlimited' OR bucket.used_bytes < bucket.total_bytes)
    ) ON period.line_id = stay.line_id
        AND period.starts_at <= $1 AND period.usable_until > $1
"""
_parse_countries = lru_cache(maxsize=1024)(json.loads)


def read_by_statement(iccid: str | None, *, at: datetime, guard: Guard) -> Reading:
    rows = execute_prepared(
        lambda again: statement(*guard.compose(again=again)), [at, iccid, *guard.values]
    )
    # VALUES (1) gives a row even for an unknown SIM. Columns
    # that joined nothing are null.
    verdict, is_in_programme, balances_at, *_bucket = rows[0]
    usable = tuple(
        UsableBucket(key, is_unlimited, left_bytes, ends_at, _parse_countries(countries))
        for *_sim, key, is_unlimited, left_bytes, ends_at, countries in rows
        if key is not None
    )
    return Reading(verdict, is_in_programme, usable, balances_at)


@cache
def statement(with_clause: str, verdict: str) -> bytes:
    return _STATEMENT.format(with_clause=with_clause, verdict=verdict).encode()
