"""What the anchors share: the checks of proxy and caller, the statement, and the balances."""

import hmac
import os
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit

from moportal.trust.certificates import Verdict
from moportal.trust.trust_files import TrustFiles

SECRET = os.environ["PROXY_SECRET"]
DATABASE_URL = os.environ["DATABASE_URL"]
# The anchors' own table, separate from the portal's.
REPLAYS = os.environ["BENCH_REPLAYS"]
WINDOW = timedelta(hours=24)
# An older balance of an operator's line is not answered.
OLDEST_BALANCE = timedelta(minutes=60)
LARGEST = 2_147_483_647
_trust = TrustFiles(
    Path(os.environ["BALANCE_CA"]), names=frozenset(os.environ["BALANCE_NAMES"].split(","))
)

# A transaction id is refused as repeated for 24 hours. After that, its row takes
# the new time. Each driver writes its own parameters in place of `{0}` to `{3}`:
# caller, transaction id, ICCID, now.
STATEMENT = f"""
    WITH new AS (
        INSERT INTO {REPLAYS} AS seen (caller, transaction_id, at)
        VALUES ({{0}}, {{1}}, {{3}})
        ON CONFLICT (caller, transaction_id) DO UPDATE SET at = excluded.at
            WHERE seen.at <= excluded.at - interval '24 hours'
        RETURNING true
    )
    SELECT EXISTS (SELECT FROM new), sim.is_in_programme, operator.balances_at,
        bucket.id, bucket.kind = 'unlimited',
        bucket.total_bytes - bucket.used_bytes, period.usable_until
    FROM (VALUES (1)) AS one
    LEFT JOIN esim_sim AS sim ON sim.iccid = {{2}}
    LEFT JOIN subscriptions_simonline AS stay ON stay.sim_id = sim.id AND stay.until IS NULL
    LEFT JOIN subscriptions_operatorline AS operator ON operator.line_id = stay.line_id
    LEFT JOIN (
        subscriptions_period AS period
        JOIN subscriptions_bucket AS bucket ON bucket.period_id = period.id
            AND bucket.kind <> 'microbalance'
            AND (bucket.kind = 'unlimited' OR bucket.used_bytes < bucket.total_bytes)
    ) ON period.line_id = stay.line_id
        AND period.starts_at <= {{3}} AND period.usable_until > {{3}}
"""  # noqa: S608 -- constants of this module


class UsableBucket(NamedTuple):
    """A bucket with data left."""

    pk: int
    is_unlimited: bool
    left_bytes: int
    ends_at: datetime


@lru_cache(maxsize=1024)
def is_trusted(certificate: str) -> bool:
    return _trust.verify(unquote_to_bytes(certificate), at=datetime.now(UTC)) is Verdict.TRUSTED


def refusal(secret: str, certificate: str) -> int:
    """Return the HTTP status that refuses the caller, or 0 if the caller is accepted."""
    if not certificate:
        return 401
    if not hmac.compare_digest(secret.encode(), SECRET.encode()) or not is_trusted(certificate):
        return 403
    return 0


def parse_limit(text: str) -> int:
    """Parse `limit`. An empty text is no limit. Raises `ValueError` if it is invalid."""
    if not text:
        return LARGEST
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= LARGEST):
        raise ValueError(text)
    return int(text)


def make_balances(rows: list[Any], limit: int, now: datetime) -> tuple[int, list[dict[str, Any]]]:
    """Return the status and the balances for the rows that the statement found."""
    is_new, is_in_programme, balances_at, first, *_rest = rows[0]
    if not is_new:
        return 409, []
    if is_in_programme is None:
        return 404, []
    if not is_in_programme:
        return 200, [make_balance("notsupported", "NOTSUPPORTED", 0, "PT0S")]
    if balances_at is not None and now - balances_at > OLDEST_BALANCE:
        return 503, []
    if first is None:
        return 200, [make_balance("none", "NONE", 0, "PT0S")]
    buckets = [UsableBucket(*row[3:]) for row in rows]
    buckets.sort(key=lambda bucket: (bucket.ends_at, bucket.is_unlimited, bucket.pk))
    return 200, [make_bucket_balance(bucket, now) for bucket in buckets[:limit]]


def make_bucket_balance(bucket: UsableBucket, now: datetime) -> dict[str, Any]:
    left = duration(bucket.ends_at - now)
    if bucket.is_unlimited:
        return make_balance(str(bucket.pk), "MODIRECT", 0, left)
    return make_balance(str(bucket.pk), "MODIRECTPAYG", megabytes(bucket.left_bytes), left)


def make_balance(identifier: str, kind: str, left: float, time: str) -> dict[str, Any]:
    return {"id": identifier, "type": kind, "dataRemainingInMB": left, "timeRemaining": time}


def megabytes(left: int) -> float:
    """Round bytes down to hundredths of a megabyte, but not to zero while any are left."""
    return max(left // 10_000, 1 if left else 0) / 100


def duration(left: timedelta) -> str:
    """Write a duration as in ISO 8601: `P23DT23H59M59S`."""
    hours, seconds = divmod(left.seconds, 3600)
    minutes, seconds = divmod(seconds, 60)
    date = f"P{left.days}D" if left.days else "P"
    time = f"{hours}H" if hours else ""
    time += f"{minutes}M" if minutes else ""
    time += f"{seconds}S" if seconds else ""
    return f"{date}T{time}" if time else date if left.days else "PT0S"


def connect_arguments() -> dict[str, Any]:
    """Return the database's address as keyword arguments of a connect function."""
    address = urlsplit(DATABASE_URL)
    return {
        "host": address.hostname,
        "port": address.port,
        "user": address.username,
        "dbname": address.path[1:],
    }
