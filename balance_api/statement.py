"""Get Balance in one statement of PostgreSQL: one journey to the database, one plan.

No ORM on this path: its text is composed once, prepared on the server, and kept with the
connection (docs/balance-api.md shows its plan). `balance_api.plainly` is its twin.
"""

import json
from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import Any

from balance_api.questions import BURST, Found, Question, Rules
from moportal.prepared import execute_prepared
from subscriptions.balances import Held

# Of two at once the later one waits for the earlier one's row, and then sees it. What is sent again
# after a lost connection may have been counted already: it is not refused for that.
_ADMITTED = """
    INSERT INTO balance_api_callerrate AS rate (caller, free_at)
    VALUES ({caller}, {at}::timestamptz + {step})
    ON CONFLICT (caller) DO UPDATE
        SET free_at = {step} + CASE
            WHEN rate.free_at > {at}::timestamptz + {reach} THEN {at}::timestamptz
            ELSE GREATEST(rate.free_at, {at}::timestamptz) END
        WHERE rate.free_at <= {at}::timestamptz + {burst}
           OR rate.free_at > {at}::timestamptz + {reach} {or_again}
    RETURNING true
"""
_NEW = """
    INSERT INTO balance_api_answeredtransaction AS told (caller, transaction_id, at)
    SELECT {caller}, {transaction_id}, {at}::timestamptz {where_admitted}
    ON CONFLICT (caller, transaction_id) DO UPDATE
        SET at = excluded.at
        WHERE told.at <= {at}::timestamptz - {window} {or_again}
    RETURNING true
"""
# A statement that is sent again after a lost connection knows its own row by the moment.
_OR_AGAIN = "OR told.at = excluded.at"
# The literals name the partial indexes: a parameter in their place would not be known to match.
_LOOK = """
    SELECT {admitted}, {new}, sim.is_in_programme, bucket.id, bucket.kind = 'unlimited',
        bucket.total_bytes - bucket.used_bytes, subscription.ends_at, bucket.countries::text
    FROM (VALUES (1)) AS one
    LEFT JOIN esim_sim AS sim ON sim.iccid = {iccid}
    LEFT JOIN subscriptions_simonline AS stay
        ON stay.sim_id = sim.id AND stay.until IS NULL
    LEFT JOIN (
        subscriptions_subscription AS subscription
        JOIN subscriptions_bucket AS bucket
            ON bucket.subscription_id = subscription.id
            AND bucket.kind <> 'microbalance'
            AND (bucket.kind = 'unlimited' OR bucket.used_bytes < bucket.total_bytes)
    ) ON subscription.line_id = stay.line_id
        AND subscription.state = 'active'
        AND subscription.starts_at <= {at} AND subscription.ends_at > {at}
"""


def look(question: Question, rules: Rules) -> Found:
    """Say whether the caller may ask, whether it has, and what the SIM holds."""
    remembers = bool(rules.window and question.transaction_id)
    # PostgreSQL wants none that the text does not name.
    values: list[Any] = [question.at, question.iccid]
    if rules.step or remembers:
        values.append(question.caller)
    if remembers:
        values.append(question.transaction_id)
    rows = execute_prepared(lambda again: _look(rules, remembers=remembers, again=again), values)
    is_admitted, is_new, is_in_programme, *_bucket = rows[0]
    held = tuple(
        Held(key, is_unlimited, left_bytes, ends_at, _countries(countries))
        for *_same, key, is_unlimited, left_bytes, ends_at, countries in rows
        if key is not None
    )
    return Found(is_admitted, is_new, is_in_programme, held)


def admit(caller: str, at: datetime, rules: Rules) -> bool:
    """Count one question of the caller's, and say whether it is within its limit."""
    if rules.step is None:
        return True
    return bool(execute_prepared(lambda again: _admit(rules, again=again), [at, caller]))


# There are as many lists of countries as plans.
_countries = lru_cache(maxsize=1024)(json.loads)


@cache
def _look(rules: Rules, *, remembers: bool, again: bool) -> bytes:
    """Compose the statement of those rules that are in force."""
    parts = []
    if rules.step:
        parts.append(f"admitted AS ({_admitted(rules, '$3', again=again)})")
    if remembers:
        new = _NEW.format(
            at="$1",
            caller="$3",
            transaction_id="$4",
            where_admitted="WHERE EXISTS (SELECT FROM admitted)" if rules.step else "",
            window=_interval(rules.window),
            or_again=_OR_AGAIN if again else "",
        )
        parts.append(f"new AS ({new})")
    asked = _LOOK.format(
        at="$1",
        iccid="$2",
        admitted="EXISTS (SELECT FROM admitted)" if rules.step else "true",
        new="EXISTS (SELECT FROM new)" if remembers else "true",
    )
    return (f"WITH {', '.join(parts)} {asked}" if parts else asked).encode()


@cache
def _admit(rules: Rules, *, again: bool) -> bytes:
    return _admitted(rules, "$2", again=again).encode()


def _admitted(rules: Rules, caller: str, *, again: bool) -> str:
    return _ADMITTED.format(
        at="$1",
        caller=caller,
        step=_interval(rules.step),
        burst=_interval(BURST),
        reach=_interval(rules.reach),
        or_again="OR true" if again else "",
    )


def _interval(duration: timedelta | None) -> str:
    """Write a rule into the text: it is ours, and a parameter more would cost each question."""
    return f"interval '{(duration or timedelta()) / timedelta(microseconds=1)} microseconds'"
