"""The rows that Get Balance's statement reads: a line's history costs nothing."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
from django.db import connection, transaction
from django.utils.timezone import now

from accounts.models import User
from esim.models import Sim
from subscriptions import usable_buckets
from subscriptions.balances import NO_GUARD
from subscriptions.models import Bucket, Line, OperatorLine, Period, Subscription
from subscriptions.states import PeriodState


def test_only_usable_periods_of_a_line_are_read(sim: Sim) -> None:
    """Of five years of weekly periods the statement reads one."""
    line = Line.objects.get()
    today = now()
    weekly = Subscription.objects.create(line=line, reference="weekly")
    past = Period.objects.bulk_create(
        Period(
            subscription=weekly,
            line=line,
            number=week + 1,
            state=PeriodState.PAID,
            after_hold=True,
            starts_at=today - timedelta(weeks=week + 1),
            ends_at=today - timedelta(weeks=week),
            usable_until=today - timedelta(weeks=week),
        )
        for week in range(260)
    )
    Bucket.objects.bulk_create(
        Bucket(period=one, kind=Bucket.Kind.ALLOWANCE, total_bytes=1, countries=[]) for one in past
    )

    assert rows_read(sim, "period") == 1


def test_the_operators_lines_cost_another_line_no_row(sim: Sim, alice: User) -> None:
    for number in range(50):
        line = Line.objects.create(account=alice)
        OperatorLine.objects.create(line=line, reference=f"L-{number}", balances_at=now())

    assert rows_read(sim, "operator") == 0


def rows_read(sim: Sim, alias: str) -> int:
    """Return how many rows of a table PostgreSQL reads for one request, with its indexes."""
    text = usable_buckets.statement(*NO_GUARD.compose(again=False))
    with transaction.atomic(), connection.cursor() as django:
        # It would read so few rows without an index.
        django.execute("ANALYZE; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        with psycopg.RawCursor(connection.connection) as cursor:
            explain = b"EXPLAIN (ANALYZE, FORMAT JSON) " + text
            [([plan],)] = cursor.execute(explain, [now(), sim.iccid]).fetchall()
    (scan,) = (node for node in _nodes(plan["Plan"]) if node.get("Alias") == alias)
    found: int = scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0)
    return found


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from _nodes(part)
