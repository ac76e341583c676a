"""Admission of Get Balance requests: a limit on each caller's rate, and no repeated request.

The caller's rate and its used transaction ids are rows. The statement
that reads the balance writes them too, with an `Admission` as its guard
(docs/decisions/010-one-statement.md). On other databases than
PostgreSQL the ORM does the same.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils.timezone import now
from rest_framework.exceptions import APIException, Throttled

from balance_api.models import AnsweredTransaction, CallerRate
from moportal.database.prepared import execute_prepared
from moportal.identifiers import Country, Iccid
from moportal.web.problems import Conflict
from subscriptions.balances import Balance, BalancesTooOld, RefusedByGuard, balances

# After a pause, a caller may send as many requests at once as
# its rate allows in this time.
BURST = timedelta(seconds=1)
# The largest expected difference between the clocks of two portal machines.
CLOCK_TOLERANCE = timedelta(seconds=1)


class OperatorSilent(APIException):
    """The operator's last answer about one of its lines is too old."""

    status_code = 503
    default_code = "service_unavailable"
    default_detail = "What is left on this SIM is not known at the moment. Try again."
    wait = 60


class Verdict(StrEnum):
    """Why a request is not admitted."""

    TOO_OFTEN = "too often"
    REPEATED = "repeated"


@dataclass(frozen=True, slots=True)
class Limits:
    """The time between a caller's requests, and how long a transaction id stays used.

    None means no limit.
    """

    interval: timedelta | None
    replay_window: timedelta | None

    @property
    def furthest(self) -> timedelta:
        """Return how far `free_at` can be ahead of a correct clock.

        If it is further ahead, a machine with a fast clock has written it. It is then treated as
        now, so that one wrong clock does not lock the caller out.
        """
        return BURST + (self.interval or timedelta()) + CLOCK_TOLERANCE


@dataclass(frozen=True, slots=True)
class Admission:
    """The guard of one request. An empty transaction id is not checked."""

    caller: str
    transaction_id: str
    at: datetime
    limits: Limits

    @property
    def values(self) -> list[Any]:
        # PostgreSQL accepts no value that the statement does not use.
        if self._checks_transaction:
            return [self.caller, self.transaction_id]
        return [self.caller] if self.limits.interval else []

    def compose(self, *, again: bool) -> tuple[str, str]:
        return _compose(self.limits, self._checks_transaction, again)

    def check(self) -> Verdict | None:
        if not _count_by_orm(self.caller, self.at, self.limits):
            return Verdict.TOO_OFTEN
        return None if self._is_new_by_orm() else Verdict.REPEATED

    @property
    def _checks_transaction(self) -> bool:
        return bool(self.limits.replay_window and self.transaction_id)

    def _is_new_by_orm(self) -> bool:
        """Store the transaction id, and return whether it may be used."""
        window = self.limits.replay_window
        if window is None or not self.transaction_id:
            return True
        stored, is_new = AnsweredTransaction.objects.get_or_create(
            caller=self.caller, transaction_id=self.transaction_id, defaults={"at": self.at}
        )
        if is_new:
            return True
        old = AnsweredTransaction.objects.filter(pk=stored.pk, at__lte=self.at - window)
        return bool(old.update(at=self.at))


def admitted_balances(
    caller: str, transaction_id: str, iccid: Iccid | None, location: Country | None
) -> list[Balance]:
    """Count the request, store its transaction id as used, and return the SIM's balances.

    Raises, in the contract's order: `Throttled` and `Conflict`, which leave the
    transaction id free; `subscriptions.balances.UnknownSim`, which uses it; and
    `OperatorSilent`, which frees it again.
    """
    at = now()
    guard = Admission(caller, transaction_id, at, limits())
    try:
        return balances(iccid, location=location, at=at, guard=guard)
    except RefusedByGuard as refused:
        if refused.verdict == Verdict.TOO_OFTEN:
            raise _throttled(caller, at) from refused
        raise Conflict("This transaction ID has already been used. Send a new one.") from refused
    except BalancesTooOld as error:
        # The same statement has stored the id. The caller may send it again.
        own = AnsweredTransaction.objects.filter(caller=caller, transaction_id=transaction_id)
        own.filter(at=at).delete()
        raise OperatorSilent from error


def count_request(caller: str) -> None:
    """Count a request with a bad parameter against the caller's rate, like any other request.

    Raises `Throttled`.
    """
    at = now()
    count = _count_by_statement if connection.vendor == "postgresql" else _count_by_orm
    if not count(caller, at, limits()):
        raise _throttled(caller, at)


def delete_old_transactions() -> int:
    """Delete the transaction ids that may be used again, and return their number."""
    window = timedelta(hours=settings.BALANCE_REPLAY_HOURS)
    deleted, _by_table = AnsweredTransaction.objects.filter(at__lt=now() - window).delete()
    return deleted


def limits() -> Limits:
    return _limits(settings.BALANCE_RATE, settings.BALANCE_REPLAY_HOURS)


@cache
def _limits(rate: float, hours: float) -> Limits:
    return Limits(
        interval=timedelta(seconds=1) / rate if rate else None,
        replay_window=timedelta(hours=hours) if hours else None,
    )


def _throttled(caller: str, at: datetime) -> Throttled:
    free_at = CallerRate.objects.values_list("free_at", flat=True).get(caller=caller)
    seconds = max(math.ceil((free_at - BURST - at).total_seconds()), 1)
    return Throttled(seconds, "This caller has exceeded its request limit.")


# Race: of two concurrent requests of one caller, the second waits for the first one's
# row lock and then sees its change. A request that is sent again may have been
# counted already, so it passes.
_COUNT = """
    INSERT INTO balance_api_callerrate AS rate (caller, free_at)
    VALUES ({caller}, $1::timestamptz + {interval})
    ON CONFLICT (caller) DO UPDATE
        SET free_at = {interval} + CASE
            WHEN rate.free_at > $1::timestamptz + {furthest} THEN $1::timestamptz
            ELSE GREATEST(rate.free_at, $1::timestamptz) END
        WHERE rate.free_at <= $1::timestamptz + {burst}
           OR rate.free_at > $1::timestamptz + {furthest} {or_again}
    RETURNING true
"""
# A statement that is sent again finds its own row, because both have the same time ($1).
_STORE_TRANSACTION = """
    INSERT INTO balance_api_answeredtransaction AS stored (caller, transaction_id, at)
    SELECT $3, $4, $1::timestamptz {where_counted}
    ON CONFLICT (caller, transaction_id) DO UPDATE
        SET at = excluded.at
        WHERE stored.at <= $1::timestamptz - {window} {or_again}
    RETURNING true
"""


@cache
def _compose(limits: Limits, checks_transaction: bool, again: bool) -> tuple[str, str]:  # noqa: FBT001 -- positional arguments are faster to look up
    """Compose the parts of the statement for the limits that are set."""
    parts, cases, where_counted = [], [], ""
    if limits.interval:
        parts.append(f"counted AS ({_count(limits, '$3', again=again)})")
        cases.append(f"WHEN NOT EXISTS (SELECT FROM counted) THEN '{Verdict.TOO_OFTEN}'")
        where_counted = "WHERE EXISTS (SELECT FROM counted)"
    if checks_transaction:
        stored = _STORE_TRANSACTION.format(
            where_counted=where_counted,
            window=_interval(limits.replay_window),
            or_again="OR stored.at = excluded.at" if again else "",
        )
        parts.append(f"stored AS ({stored})")
        cases.append(f"WHEN NOT EXISTS (SELECT FROM stored) THEN '{Verdict.REPEATED}'")
    if not parts:
        return "", "NULL"
    return f"WITH {', '.join(parts)}", f"CASE {' '.join(cases)} END"


def _count(limits: Limits, caller: str, *, again: bool) -> str:
    return _COUNT.format(
        caller=caller,
        interval=_interval(limits.interval),
        burst=_interval(BURST),
        furthest=_interval(limits.furthest),
        or_again="OR true" if again else "",
    )


def _interval(duration: timedelta | None) -> str:
    """Return the duration as an SQL literal. As a parameter, each request would have to send it."""
    return f"interval '{(duration or timedelta()) / timedelta(microseconds=1)} microseconds'"


def _count_by_statement(caller: str, at: datetime, limits: Limits) -> bool:
    """Count one request, and return whether the caller is within its limit."""
    if limits.interval is None:
        return True
    return bool(execute_prepared(lambda again: _compose_count(limits, again), [at, caller]))


@cache
def _compose_count(limits: Limits, again: bool) -> bytes:  # noqa: FBT001 -- as `execute_prepared` gives it
    return _count(limits, "$2", again=again).encode()


@transaction.atomic
def _count_by_orm(caller: str, at: datetime, limits: Limits) -> bool:
    """Count one request, and return whether the caller is within its limit."""
    if limits.interval is None:
        return True
    rate, is_first = CallerRate.objects.get_or_create(
        caller=caller, defaults={"free_at": at + limits.interval}
    )
    if is_first:
        return True
    is_plausible = rate.free_at <= at + limits.furthest
    if is_plausible and rate.free_at > at + BURST:
        return False
    start = max(rate.free_at, at) if is_plausible else at
    rate.free_at = start + limits.interval
    rate.save(update_fields=["free_at"])
    return True
