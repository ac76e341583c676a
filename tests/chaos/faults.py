"""What is done to a running copy while orders are in flight.

A blow is a context: it breaks something, says for how many seconds it stays broken, and mends it.
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
from tests.chaos.scene import Scene

Blow = Callable[[Scene, random.Random], AbstractContextManager[float]]
APPROVED, STEP = "4242 4242 4242 4242", "4000 0027 6000 3184"
THREE_DAYS = 3 * 24 * 3600
# Of the times that the database goes down: the rest are crashes.
RESTARTED = 0.4
REFUSE = """
CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'refused by the chaos run'; END $$
"""
TRIGGER = """
CREATE TRIGGER refuse BEFORE UPDATE ON {table}
FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION refuse()
"""
# Where a worker writes down what it was told outside.
NOTES = (
    ("esim_profile", "NEW.state <> OLD.state"),
    ("esim_es2call", "NEW.outcome <> OLD.outcome"),
    ("payments_payment", "NEW.state <> OLD.state"),
    ("payments_gatewaycall", "NEW.outcome <> OLD.outcome"),
    ("orders_order", "NEW.state <> OLD.state AND NEW.state = 'completed'"),
)


@dataclass(frozen=True)
class Fault:
    """One way for things to go wrong.

    `scripted` are faults of the simulators (which one, function, kind) for the whole round, each
    for a part of the orders, `by_chance` such that befall every call with a probability; `blow`
    is struck again and again while orders are under way (`to_the_end`: until the last has ended),
    or, `at_once`, a single time before the first order, which must be taken all the same.
    """

    name: str
    blow: Blow | None = None
    scripted: tuple[tuple[str, str, str], ...] = ()
    by_chance: tuple[tuple[str, str, str], ...] = ()
    submits: int = 1
    card: str = APPROVED
    at_once: bool = False
    to_the_end: bool = False
    leaves: bool = False
    confirms: bool = False
    # ICCIDs in the pool; None: enough for all.
    stock: int | None = None


@contextmanager
def worker_killed(scene: Scene, rng: random.Random) -> Iterator[float]:
    scene.stack.kill_worker()
    yield rng.uniform(0.1, 0.6)
    scene.stack.start_worker()


@contextmanager
def broker_emptied(scene: Scene, _rng: random.Random) -> Iterator[float]:
    Redis.from_url(scene.broker.url).flushdb()
    yield 0


@contextmanager
def broker_silent(scene: Scene, rng: random.Random) -> Iterator[float]:
    """Let the broker answer nobody for a while."""
    Redis.from_url(scene.broker.url).client_pause(int(rng.uniform(500, 3000)))
    yield 0


@contextmanager
def broker_down(scene: Scene, _rng: random.Random) -> Iterator[float]:
    """End the broker; what comes back has forgotten everything."""
    scene.broker.stop()
    yield scene.outage
    scene.broker.start()


@contextmanager
def database_closed(scene: Scene, rng: random.Random) -> Iterator[float]:
    """Cut every connection and let none in for a while."""
    server, _slash, name = scene.database.url.rpartition("/")
    allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    with psycopg.connect(f"{server}/template1", autocommit=True) as connection:
        connection.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        yield rng.uniform(0.2, 1.5)
        connection.execute(allow.format(sql.Identifier(name), sql.SQL("true")))


@contextmanager
def database_down(scene: Scene, rng: random.Random) -> Iterator[float]:
    """Restart the server, or kill one of its processes: it then ends all sessions and recovers."""
    if rng.random() < RESTARTED:
        scene.database.stop()
        yield rng.uniform(0.2, 1.5)
        scene.database.start()
    else:
        sessions = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        with psycopg.connect(scene.database.url) as connection:
            pids = [pid for (pid,) in connection.execute(sessions).fetchall()]
        os.kill(rng.choice(pids), signal.SIGKILL)
        yield 0


@contextmanager
def write_refused(scene: Scene, rng: random.Random) -> Iterator[float]:
    """Let the database refuse, for a while, to note what a call outside has come to."""
    table, condition = rng.choice(NOTES)
    with psycopg.connect(scene.database.url, autocommit=True) as connection:
        connection.execute(REFUSE)
        named = {"table": sql.Identifier(table), "condition": sql.SQL(condition)}
        connection.execute(sql.SQL(TRIGGER).format(**named))
        yield rng.uniform(0.5, 1.5)
        connection.execute(sql.SQL("DROP TRIGGER refuse ON {}").format(named["table"]))


@contextmanager
def webhooks_repeated(scene: Scene, rng: random.Random) -> Iterator[float]:
    """Send what the gateway has told fifty times in any order, some anew and three days late.

    A forgery is refused.
    """
    told = httpx.get(f"{scene.stack.payment_url}/notices", trust_env=False).json()
    for notice in rng.choices(told, k=50) if told else []:
        assert _post(scene, notice["body"], notice["signature"]) == httpx.codes.NO_CONTENT
    for notice in rng.choices(told, k=5) if told else []:
        # An event that was never heard before: one heard already would be passed over.
        event = json.loads(notice["body"])
        body = json.dumps({**event, "id": f"{event['id']}_{rng.randrange(10**9)}"})
        signature = signed(body, WEBHOOK_SECRET, at=int(time.time()) - THREE_DAYS)
        assert _post(scene, body, signature) == httpx.codes.NO_CONTENT
    if told:
        assert _post(scene, told[0]["body"], "t=1,v1=00") == httpx.codes.BAD_REQUEST
    yield 0


@contextmanager
def bank_confirmed(scene: Scene, _rng: random.Random) -> Iterator[float]:
    """Say yes at the bank for everybody who is waited for; nobody comes back."""
    for payment in httpx.get(f"{scene.stack.payment_url}/books", trust_env=False).json()[
        "payments"
    ]:
        if payment["status"] == "requires_action":
            url = f"{scene.stack.payment_url}/challenge/{payment['id']}"
            httpx.post(url, data={"decision": "approve"}, trust_env=False)
    yield 0


def _post(scene: Scene, body: str, signature: str) -> int:
    headers = {"Webhook-Signature": signature, "Content-Type": "application/json"}
    url = f"{scene.stack.base_url}/payments/webhook"
    return httpx.post(url, content=body, headers=headers, trust_env=False, timeout=30).status_code


# Names of the simulators' own: the answer is lost before or after the work was done.
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
# Now and then slow enough that a cancel comes before, while and after it is decided to charge.
SLOW = (
    ("smdp", "confirmOrder", "delay"),
    ("network", "activate", "delay"),
    ("payment", "capture", "delay"),
)
# Everything that an SM-DP+ and what is on the way to it may do, whether the work was done or not.
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
    Fault("database cut and closed", database_closed),
    Fault("database crashed or restarted", database_down),
    Fault("answer not noted", write_refused),
    Fault("gateway's answers lost", scripted=LOST_MONEY),
    Fault("SM-DP+'s answers lost", scripted=LOST_PROFILES),
    Fault("answers lost and worker killed", worker_killed, (*LOST_MONEY, *LOST_PROFILES)),
    Fault(
        "webhooks replayed, reordered, forged, late, before the return",
        webhooks_repeated,
        card=STEP,
        confirms=True,
    ),
    Fault("customer never back from the bank", bank_confirmed, card=STEP, to_the_end=True),
    Fault("one ICCID for all", stock=1),
    Fault("cancelled while charged", by_chance=SLOW, leaves=True),
    Fault("SM-DP+ fails at random, worker killed", worker_killed, by_chance=BAD_PROFILES),
    Fault("network fails at random, worker killed", worker_killed, by_chance=BAD_NETWORK),
]
