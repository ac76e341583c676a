"""What is done to a running copy while orders are in flight, each blow a single call."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx
import psycopg
from psycopg import sql
from redis import Redis

from tests.stack import Stack

Blow = Callable[[Stack, random.Random], None]
APPROVED, STEP = "4242 4242 4242 4242", "4000 0027 6000 3184"


@dataclass(frozen=True)
class Fault:
    """One way for things to go wrong.

    `scripted` are faults of the simulators (which one, function, kind) for the whole round; `blow`
    is struck again and again while orders are under way.
    """

    name: str
    blow: Blow | None = None
    scripted: tuple[tuple[str, str, str], ...] = ()
    submits: int = 1
    card: str = APPROVED
    leaves: bool = False
    # Of the pool, as a share of the orders; None: enough for all.
    stock: float | None = None


def kill_worker(stack: Stack, rng: random.Random) -> None:
    stack.kill_worker()
    time.sleep(rng.uniform(0.1, 0.6))
    stack.start_worker()


def empty_broker(stack: Stack, _rng: random.Random) -> None:
    _redis(stack).flushdb()


def stop_broker(stack: Stack, rng: random.Random) -> None:
    """Let the broker answer nobody for a while."""
    _redis(stack).client_pause(int(rng.uniform(500, 3000)))


def cut_database(stack: Stack, rng: random.Random) -> None:
    """Cut every connection and let none in for a while, as a restart does."""
    server, _slash, name = stack.copy.database_url.rpartition("/")
    allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        time.sleep(rng.uniform(0.2, 1.5))
        connection.execute(allow.format(sql.Identifier(name), sql.SQL("true")))


def replay_webhooks(stack: Stack, rng: random.Random) -> None:
    """Send what the gateway has told fifty times, in any order, and a forgery that is refused."""
    told = httpx.get(f"{stack.payment_url}/notices", trust_env=False).json()
    for notice in rng.choices(told, k=50) if told else []:
        assert _post(stack, notice["body"], notice["signature"]) == httpx.codes.NO_CONTENT
    if told:
        assert _post(stack, told[0]["body"], "t=1,v1=00") == httpx.codes.BAD_REQUEST


def say_yes(stack: Stack, _rng: random.Random) -> None:
    """Confirm at the bank for everybody who is waited for; nobody comes back."""
    for payment in httpx.get(f"{stack.payment_url}/books", trust_env=False).json()["payments"]:
        if payment["status"] == "requires_action":
            url = f"{stack.payment_url}/challenge/{payment['id']}"
            httpx.post(url, data={"decision": "approve"}, trust_env=False)


def _post(stack: Stack, body: str, signature: str) -> int:
    headers = {"Webhook-Signature": signature, "Content-Type": "application/json"}
    url = f"{stack.base_url}/payments/webhook"
    return httpx.post(url, content=body, headers=headers, trust_env=False, timeout=30).status_code


def _redis(stack: Stack) -> Redis:
    return Redis.from_url(stack.copy.broker_url)


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
FAULTS = [
    Fault("nothing"),
    Fault("20 submits of one form at once", submits=20),
    Fault("worker killed", kill_worker),
    Fault("broker emptied", empty_broker),
    Fault("broker silent", stop_broker),
    Fault("database cut and closed", cut_database),
    Fault("gateway's answers lost", scripted=LOST_MONEY),
    Fault("SM-DP+'s answers lost", scripted=LOST_PROFILES),
    Fault("answers lost and worker killed", kill_worker, (*LOST_MONEY, *LOST_PROFILES)),
    Fault("webhooks replayed, reordered, forged", replay_webhooks),
    Fault("customer never back from the bank", say_yes, card=STEP),
    Fault("last ICCIDs", stock=0.5),
    Fault("cancelled while charged", leaves=True),
]
