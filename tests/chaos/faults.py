"""The faults that `make chaos` injects while orders are in flight.

A strike is a context. It breaks something, yields for how many seconds it stays broken, and then
repairs it.
"""

import json
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import httpx
import psycopg
from psycopg import sql
from redis import Redis

from demo.parts import WEBHOOK_SECRET
from simulators.payment.server import signed
from tests.chaos.target import Target

Strike = Callable[[Target, random.Random], AbstractContextManager[float]]
APPROVED, STEP = "4242 4242 4242 4242", "4000 0027 6000 3184"
THREE_DAYS = 3 * 24 * 3600
# The share of database outages that are restarts. The rest are crashes.
RESTARTED = 0.4
REFUSE = """
CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'refused by the chaos run'; END $$
"""
TRIGGER = """
CREATE TRIGGER refuse BEFORE UPDATE ON {table}
FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION refuse()
"""
# The updates by which a worker stores the result of an outside call.
RESULT_UPDATES = (
    ("esim_profile", "NEW.state <> OLD.state"),
    ("esim_es2call", "NEW.outcome <> OLD.outcome"),
    ("payments_payment", "NEW.state <> OLD.state"),
    ("payments_gatewaycall", "NEW.outcome <> OLD.outcome"),
    ("orders_order", "NEW.state <> OLD.state AND NEW.state = 'completed'"),
)


@dataclass(frozen=True)
class Fault:
    """One kind of fault, and how it is injected.

    `scripted` are faults of the simulators (simulator, function, kind), each for a share of the
    orders. `by_chance` are faults that hit every call with a probability. `strike` is repeated
    while orders are in flight, with `to_the_end` until the last one has ended, and with `often`
    after the same short pauses however many orders there are. With `at_once` it strikes once,
    before the first order, and that order must still be accepted.
    """

    name: str
    strike: Strike | None = None
    scripted: tuple[tuple[str, str, str], ...] = ()
    by_chance: tuple[tuple[str, str, str], ...] = ()
    submits: int = 1
    card: str = APPROVED
    at_once: bool = False
    to_the_end: bool = False
    often: bool = False
    leaves: bool = False
    confirms: bool = False
    # The number of ICCIDs in the pool. None means enough for all orders.
    stock: int | None = None


@contextmanager
def worker_killed(target: Target, rng: random.Random) -> Iterator[float]:
    target.stack.kill_worker()
    yield rng.uniform(0.1, 0.6)
    target.stack.start_worker()


@contextmanager
def broker_emptied(target: Target, _rng: random.Random) -> Iterator[float]:
    Redis.from_url(target.broker.url).flushdb()
    yield 0


@contextmanager
def broker_silent(target: Target, rng: random.Random) -> Iterator[float]:
    """Pause the broker for a while."""
    Redis.from_url(target.broker.url).client_pause(int(rng.uniform(500, 3000)))
    yield 0


@contextmanager
def broker_down(target: Target, _rng: random.Random) -> Iterator[float]:
    """Stop the broker. It comes back empty."""
    target.broker.stop()
    yield target.outage
    target.broker.start()


@contextmanager
def broker_stopped(target: Target, rng: random.Random) -> Iterator[float]:
    """Stop the broker for a moment, while messages are being delivered. It comes back empty."""
    target.broker.stop()
    yield rng.uniform(0.2, 1.5)
    target.broker.start()


@contextmanager
def database_closed(target: Target, rng: random.Random) -> Iterator[float]:
    """Close every connection and refuse new ones for a while."""
    server, _slash, name = target.database.url.rpartition("/")
    allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    with psycopg.connect(f"{server}/template1", autocommit=True) as connection:
        connection.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        yield rng.uniform(0.2, 1.5)
        connection.execute(allow.format(sql.Identifier(name), sql.SQL("true")))


@contextmanager
def database_down(target: Target, rng: random.Random) -> Iterator[float]:
    """Restart the server, or kill one process, which makes it end all sessions and recover."""
    if rng.random() < RESTARTED:
        target.database.stop()
        yield rng.uniform(0.2, 1.5)
        target.database.start()
    else:
        sessions = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        with psycopg.connect(target.database.url) as connection:
            pids = [pid for (pid,) in connection.execute(sessions).fetchall()]
        os.kill(rng.choice(pids), signal.SIGKILL)
        yield 0


@contextmanager
def write_refused(target: Target, rng: random.Random) -> Iterator[float]:
    """For a while, make the database refuse to store the results of outside calls."""
    table, condition = rng.choice(RESULT_UPDATES)
    with psycopg.connect(target.database.url, autocommit=True) as connection:
        connection.execute(REFUSE)
        named = {"table": sql.Identifier(table), "condition": sql.SQL(condition)}
        connection.execute(sql.SQL(TRIGGER).format(**named))
        yield rng.uniform(0.5, 1.5)
        connection.execute(sql.SQL("DROP TRIGGER refuse ON {}").format(named["table"]))


@contextmanager
def webhooks_repeated(target: Target, rng: random.Random) -> Iterator[float]:
    """Repeat fifty of the gateway's webhooks in random order, and send five new ones late.

    The late ones are three days old. A forged webhook is refused.
    """
    notices = httpx.get(f"{target.stack.payment_url}/notices", trust_env=False).json()
    for notice in rng.choices(notices, k=50) if notices else []:
        assert _post(target, notice["body"], notice["signature"]) == httpx.codes.NO_CONTENT
    for notice in rng.choices(notices, k=5) if notices else []:
        # It needs a new id, because a known event would be ignored.
        event = json.loads(notice["body"])
        body = json.dumps({**event, "id": f"{event['id']}_{rng.randrange(10**9)}"})
        signature = signed(body, WEBHOOK_SECRET, at=int(time.time()) - THREE_DAYS)
        assert _post(target, body, signature) == httpx.codes.NO_CONTENT
    if notices:
        assert _post(target, notices[0]["body"], "t=1,v1=00") == httpx.codes.BAD_REQUEST
    yield 0


@contextmanager
def bank_confirmed(target: Target, _rng: random.Random) -> Iterator[float]:
    """Approve every pending payment at the bank, without a customer who returns."""
    for payment in httpx.get(f"{target.stack.payment_url}/books", trust_env=False).json()[
        "payments"
    ]:
        if payment["status"] == "requires_action":
            url = f"{target.stack.payment_url}/challenge/{payment['id']}"
            httpx.post(url, data={"decision": "approve"}, trust_env=False)
    yield 0


def _post(target: Target, body: str, signature: str) -> int:
    headers = {"Webhook-Signature": signature, "Content-Type": "application/json"}
    url = f"{target.stack.base_url}/payments/webhook"
    return httpx.post(url, content=body, headers=headers, trust_env=False, timeout=30).status_code


# Simulator, function and kind of fault: the answer is lost after or before the work is done.
LOST_MONEY = tuple(
    ("payment", function, kind)
    for function in ("authorise", "capture", "void")
    for kind in ("drop_after", "drop_before")
)
LOST_PROFILES = tuple(
    ("smdp", function, kind)
    for function in ("downloadOrder", "confirmOrder", "cancelOrder")
    for kind in ("drop_after", "drop_before")
)
# Delays that let a cancel arrive before, during and after the decision to charge.
SLOW = (
    ("smdp", "confirmOrder", "delay"),
    ("network", "activate", "delay"),
    ("payment", "capture", "delay"),
)
# Every way in which a call to the SM-DP+ may fail, before or after the SM-DP+ has done its work.
BAD_PROFILES = tuple(
    ("smdp", function, kind)
    for function in ("downloadOrder", "confirmOrder", "cancelOrder")
    for kind in (
        *("drop_before", "drop_after", "http", "http_after", "html", "malformed", "delay"),
        *("expired", "expired_after", "no_header", "unknown_status", "missing_output"),
        *("wrong_iccid", "warning", "slow_drip"),
    )
)
BAD_NETWORK = tuple(
    ("network", function, kind)
    for function in ("activate", "end")
    for kind in ("drop_before", "drop_after", "http_500", "malformed")
)
FAULTS = [
    Fault("nothing"),
    Fault("20 submits of one form at once", submits=20),
    Fault("worker killed", worker_killed),
    Fault("broker emptied", broker_emptied),
    Fault("broker silent", broker_silent),
    Fault("broker down from before the first order", broker_down, at_once=True),
    Fault("broker stopped while orders are under way", broker_stopped, to_the_end=True, often=True),
    Fault("database connections cut and refused", database_closed),
    Fault("database crashed or restarted", database_down),
    Fault("result of a call not stored", write_refused),
    Fault("gateway's answers lost", scripted=LOST_MONEY),
    Fault("SM-DP+'s answers lost", scripted=LOST_PROFILES),
    Fault("answers lost and worker killed", worker_killed, (*LOST_MONEY, *LOST_PROFILES)),
    Fault(
        "webhooks replayed, reordered, forged, late, before the return",
        webhooks_repeated,
        card=STEP,
        confirms=True,
    ),
    Fault("customer never returns from the bank", bank_confirmed, card=STEP, to_the_end=True),
    Fault("one ICCID for all", stock=1),
    Fault("cancelled during the charge", by_chance=SLOW, leaves=True),
    Fault("SM-DP+ fails at random, worker killed", worker_killed, by_chance=BAD_PROFILES),
    Fault("network fails at random, worker killed", worker_killed, by_chance=BAD_NETWORK),
]
