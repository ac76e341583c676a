"""What became of messages: the portal's rows beside the books of mail server and gateway."""

import time
from collections import Counter
from dataclasses import dataclass

import psycopg

from tests.chaos.target import Target
from tests.providers import books

ENDED_WITHIN = 90.0
ROWS = """
SELECT m.key, m.identifier::text, m.address, m.state, m.reason,
    count(c.id) FILTER (WHERE c.outcome IN ('unanswered', 'unknown')),
    count(c.id) FILTER (WHERE c.outcome = 'answered')
FROM customer_messages_message m
LEFT JOIN customer_messages_sendingcall c ON c.message_id = m.id
WHERE m.key = ANY(%s) GROUP BY m.id ORDER BY m.id
"""
# Each limit has counted as many messages as have begun to be sent.
COUNTED = "SELECT name, sum(used) FROM customer_messages_sentcount GROUP BY name"
BEGUN = """
SELECT count(*) FILTER (WHERE channel = 'mail'), count(*) FILTER (WHERE channel = 'sms')
FROM customer_messages_message m
WHERE state = 'sending' OR EXISTS
    (SELECT 1 FROM customer_messages_sendingcall c WHERE c.message_id = m.id)
"""
MOST = "SELECT name, max(used) FROM customer_messages_sentcount GROUP BY name"
# The channel that each limit counts.
LIMITS = {"mail address": 0, "phone number": 1, "country": 1}


@dataclass(frozen=True)
class Sent:
    """A message in the portal's database. `lost` attempts have no stored answer."""

    key: str
    identifier: str
    address: str
    state: str
    reason: str
    lost: int
    answered: int


def sent(target: Target, keys: list[str]) -> list[Sent]:
    """Return the messages with these keys, or nothing while the database is down."""
    try:
        with psycopg.connect(target.stack.copy.database_url) as connection:
            return [Sent(*row) for row in connection.execute(ROWS, [keys]).fetchall()]
    except psycopg.OperationalError:
        return []


def have_ended(target: Target, keys: list[str]) -> bool:
    """Say whether there is a message for each key, and none is on its way."""
    found = sent(target, keys)
    on_their_way = [one for one in found if one.state in {"queued", "sending"}]
    return {one.key for one in found} == set(keys) and not on_their_way


def wait_for_ends(target: Target, keys: list[str]) -> float:
    """Wait until every message has ended. Return the seconds waited, at most `ENDED_WITHIN`."""
    started = time.monotonic()
    while (waited := time.monotonic() - started) < ENDED_WITHIN:
        if have_ended(target, keys):
            return waited
        time.sleep(0.1)
    return ENDED_WITHIN


def find_losses(target: Target, keys: list[str], *, is_limited: bool = False) -> list[str]:
    """Return what is wrong with the messages of these keys, and with the limits' counts.

    With `is_limited` a message may have been refused because a limit was used up.
    """
    wait_for_ends(target, keys)
    found = sent(target, keys)
    copies = copies_of(target)
    wrong = [f"{key}: {count} messages" for key, count in _each(keys, found).items() if count != 1]
    for one in found:
        wrong += _check(one, copies[one.identifier], is_limited=is_limited)
    return wrong + _check_counts(target)


def copies_of(target: Target) -> Counter[str]:
    """Return how many copies of each message have reached its server, by identifier."""
    servers = (target.mailbox.url, target.stack.message_url)
    return Counter(call["id"] for url in servers for call in books(url)["calls"])


def _each(keys: list[str], found: list[Sent]) -> Counter[str]:
    counts = Counter(one.key for one in found)
    return Counter({key: counts[key] for key in keys})


def _check(one: Sent, copies: int, *, is_limited: bool) -> list[str]:
    if one.state == "refused" and is_limited and "limit" in one.reason:
        return [f"{one.key}: refused, and {copies} copies"] if copies else []
    if one.state != "sent":
        return [f"{one.key}: {one.state} {one.reason}"]
    if not copies:
        return [f"{one.key}: sent, and nothing has arrived"]
    if copies > one.lost + min(one.answered, 1):
        return [f"{one.key}: {copies} copies, {one.lost} lost answers"]
    return []


def _check_counts(target: Target) -> list[str]:
    with psycopg.connect(target.stack.copy.database_url) as connection:
        counted = {name: int(used) for name, used in connection.execute(COUNTED).fetchall()}
        begun = connection.execute(BEGUN).fetchone()
        most = {name: int(used) for name, used in connection.execute(MOST).fetchall()}
    assert begun is not None
    wrong = [
        f"{name}: {counted.get(name, 0)} counted, {begun[channel]} begun"
        for name, channel in LIMITS.items()
        if counted.get(name, 0) != begun[channel]
    ]
    allowed = target.limits
    return wrong + [
        f"{name}: {count} in an hour" for name, count in most.items() if count > allowed[name]
    ]
