"""`balance_api.statement`: it answers as its plain twin does, also where many ask at once."""

import os
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction
from django.utils.timezone import now
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from accounts.models import User
from balance_api import plainly, statement
from balance_api.models import AnsweredTransaction, CallerRate
from balance_api.questions import BURST, Found, Question, Rules
from demo.parts import LOOPBACK
from esim.models import Sim
from moportal.identifiers import Country, Iccid
from subscriptions.models import Bucket, Line, SimOnLine, Subscription, SubscriptionState
from tests.balance_api.test_views import TRANSACTION, ask, give
from tests.builders import make_card
from tests.races import at_once, wait_for_lock

# `WORLDS=3000` asks about more of them.
WORLDS = int(os.environ.get("WORLDS", "100"))
AT = datetime(2028, 2, 29, 23, 59, 59, 123_456, UTC)
MOMENT, SECOND, DAY = timedelta(microseconds=1), timedelta(seconds=1), timedelta(days=1)
LINES, SIMS, CALLERS, IDS = 2, 3, ("one", "two"), ("", "a", "b")
NOBODYS = Iccid.numbered("8944998", 1)

# Around the moment of the question every side of it counts.
shifts = st.sampled_from([-DAY, -SECOND, -MOMENT, timedelta(), MOMENT, SECOND, DAY])


@st.composite
def buckets(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(Bucket.Kind.values))
    total = draw(st.sampled_from([0, 1, 10_000, 5 * 10**9, 2**62]))
    used = draw(st.sampled_from([0, 0, total // 2, total]))
    countries = draw(st.lists(st.sampled_from(["US", "CA", "GB"]), unique=True))
    return {"kind": kind, "total_bytes": total, "used_bytes": used, "countries": countries}


@st.composite
def subscriptions(draw: st.DrawFn) -> dict[str, Any]:
    any_times = st.tuples(shifts, shifts).filter(lambda two: two[0] < two[1])
    times = draw(st.just((-DAY, DAY)) | any_times)
    return {
        "line": draw(st.integers(0, LINES - 1)),
        "state": draw(st.sampled_from(["active"] * 6 + SubscriptionState.values)),
        "times": times,
        "buckets": draw(st.lists(buckets(), max_size=3)),
    }


# Mostly one that is known; SIMS is one that nobody knows, None is no ICCID at all.
which = st.sampled_from([0, 0, 0, 1, 2, SIMS, None])
questions = st.builds(
    Question,
    caller=st.sampled_from(CALLERS),
    transaction_id=st.sampled_from(IDS),
    iccid=st.none(),
    location=st.sampled_from([None, Country("US")]),
    at=shifts.map(lambda shift: AT + shift),
)
rules = st.builds(
    Rules,
    step=st.sampled_from([None, None, SECOND / 1000, SECOND / 3, SECOND, 4 * SECOND]),
    window=st.sampled_from([None, SECOND, DAY]),
)


@dataclass(frozen=True)
class World:
    """What is stored, what is asked of it in turn, and by which rules."""

    in_programme: list[bool]
    # Which line each SIM is on, and whether it was on the other one before.
    on_line: list[int | None]
    moved: list[bool]
    subscriptions: list[dict[str, Any]]
    free_at: dict[str, timedelta]
    told: dict[tuple[str, str], timedelta]
    # With each question, which SIM it is about.
    asked: list[tuple[Question, int | None]]
    # Which of them could not be read, and are only counted.
    unreadable: list[bool]
    rules: Rules


worlds = st.builds(
    World,
    in_programme=st.lists(st.booleans(), min_size=SIMS, max_size=SIMS),
    on_line=st.lists(st.sampled_from([0, 0, 0, 1, None]), min_size=SIMS, max_size=SIMS),
    moved=st.lists(st.booleans(), min_size=SIMS, max_size=SIMS),
    subscriptions=st.lists(subscriptions(), max_size=4),
    free_at=st.dictionaries(st.sampled_from(CALLERS), shifts),
    told=st.dictionaries(st.tuples(st.sampled_from(CALLERS), st.sampled_from(IDS[1:])), shifts),
    asked=st.lists(st.tuples(questions, which), min_size=1, max_size=5),
    unreadable=st.lists(st.sampled_from([False, False, False, True]), min_size=5, max_size=5),
    rules=rules,
)


def build(world: World, account: User) -> list[Iccid]:
    """Store it, and return the ICCIDs that a question may be about."""
    lines = [Line.objects.create(account=account) for _ in range(LINES)]
    sims = [make_card(is_in_programme=shown) for shown in world.in_programme]
    for sim, line, moved in zip(sims, world.on_line, world.moved, strict=True):
        if moved:
            old = lines[1 - (line or 0)]
            SimOnLine.objects.create(line=old, sim=sim, since=AT - 2 * DAY, until=AT - DAY)
        if line is not None:
            SimOnLine.objects.create(line=lines[line], sim=sim, since=AT - DAY)
    for number, sold in enumerate(world.subscriptions):
        starts_at, ends_at = (AT + shift for shift in sold["times"])
        subscription = Subscription.objects.create(
            line=lines[sold["line"]],
            reference=str(number),
            state=sold["state"],
            starts_at=starts_at,
            ends_at=ends_at,
        )
        for bucket in sold["buckets"]:
            Bucket.objects.create(subscription=subscription, **bucket)
    for caller, shift in world.free_at.items():
        CallerRate.objects.create(caller=caller, free_at=AT + shift)
    for (caller, transaction_id), shift in world.told.items():
        AnsweredTransaction.objects.create(
            caller=caller, transaction_id=transaction_id, at=AT + shift
        )
    return [*(Iccid(sim.iccid) for sim in sims), NOBODYS]


def play(twin: Any, world: World, iccids: list[Iccid]) -> list[Any]:
    """Ask in turn, and return what was found and what is stored at the end; undo all of it."""
    with transaction.atomic():
        found: list[Any] = []
        for (question, sim), unreadable in zip(world.asked, world.unreadable, strict=False):
            if unreadable:
                found.append(twin.admit(question.caller, question.at, world.rules))
                continue
            about = replace(question, iccid=None if sim is None else iccids[sim])
            found.append(meaning(twin.look(about, world.rules)))
        found.append(sorted(CallerRate.objects.values_list()))
        found.append(sorted(AnsweredTransaction.objects.values_list("caller", "pk", "at")))
        transaction.set_rollback(True)
    return found


def meaning(found: Found) -> object:
    """Leave out what says nothing: who is refused is told of no SIM."""
    if not found.is_admitted:
        return "too often"
    if not found.is_new:
        return "repeated"
    return found.is_in_programme, sorted(found.held)


TWICE: list[tuple[Question, int | None]] = [(Question("one", "a", None, None, AT), 0)] * 2
PLAIN = World(
    in_programme=[True] * SIMS,
    on_line=[0] * SIMS,
    moved=[False] * SIMS,
    subscriptions=[],
    free_at={},
    told={},
    asked=TWICE,
    unreadable=[False] * len(TWICE),
    rules=Rules(step=None, window=DAY),
)


@pytest.mark.django_db
def test_the_statement_and_its_plain_twin_answer_alike(alice: User) -> None:
    seen: set[object] = set()

    @settings(max_examples=WORLDS)
    @given(worlds)
    @example(PLAIN)
    @example(replace(PLAIN, rules=Rules(step=4 * SECOND, window=DAY)))
    def alike(world: World) -> None:
        with transaction.atomic():
            iccids = build(world, alice)
            plain = play(plainly, world, iccids)
            assert play(statement, world, iccids) == plain
            transaction.set_rollback(True)
        seen.update(one if isinstance(one, str) else type(one) for one in plain)

    alike()
    # The examples see to it that refusals are among them.
    assert {"too often", "repeated"} <= seen


@pytest.fixture
def sim(transactional_db: None, settings: Settings, alice: User) -> Sim:
    """Return a SIM with a plan, and let its callers ask as often as they like."""
    settings.BALANCE_RATE = 0
    card = make_card()
    give(alice, card, code="traveller")
    return card


def test_looking_first_and_writing_afterwards_lets_several_through(sim: Sim) -> None:
    """What the statement is there for: so it goes wrong without it."""
    all_have_looked = threading.Barrier(20)

    def naively() -> bool:
        told = AnsweredTransaction(caller="anybody", transaction_id="T", at=AT)
        is_new = not AnsweredTransaction.objects.filter(pk=("anybody", "T")).exists()
        all_have_looked.wait(timeout=20)
        AnsweredTransaction.objects.bulk_create([told], ignore_conflicts=True)
        return is_new

    assert at_once(naively, 20).count(True) == 20


def test_of_twenty_with_one_transaction_id_one_is_answered(sim: Sim) -> None:
    statuses = at_once(lambda: ask(sim, **{TRANSACTION: "T"}).status_code, 20)

    assert sorted(statuses) == [200] + [409] * 19


def test_of_twenty_after_its_time_one_is_answered(sim: Sim) -> None:
    AnsweredTransaction.objects.create(caller="anybody", transaction_id="T", at=AT - 900 * DAY)

    statuses = at_once(lambda: ask(sim, **{TRANSACTION: "T"}).status_code, 20)

    assert sorted(statuses) == [200] + [409] * 19


@pytest.mark.parametrize("known", [False, True], ids=["new caller", "known caller"])
def test_of_forty_at_once_no_more_are_admitted_than_the_burst_allows(
    sim: Sim,
    known: bool,  # noqa: FBT001 -- a parameter of the test
) -> None:
    ten_a_second = Rules(step=SECOND / 10, window=DAY)
    if known:
        CallerRate.objects.create(caller="one", free_at=AT - DAY)
    numbers = iter(range(40))

    def admitted() -> bool:
        asked = Question("one", f"T{next(numbers)}", Iccid(sim.iccid), None, AT)
        return statement.look(asked, ten_a_second).is_admitted

    results = at_once(admitted, 40)

    # The one that is due, and the burst's.
    assert (results.count(True), results.count(False)) == (1 + BURST // (SECOND / 10), 29)
    # Who was refused has spent nothing.
    assert AnsweredTransaction.objects.count() == 11


def end_session(session: int) -> None:
    """End a session of PostgreSQL's as an administrator would."""
    name, told = connection.settings_dict, "SELECT pg_terminate_backend(%s, 5000)"
    where = {"host": name["HOST"], "port": name["PORT"], "user": name["USER"]}
    with psycopg.connect(dbname=name["NAME"], **where) as another:
        another.execute(told, [session])


def test_a_kept_connection_that_is_gone_is_no_error(sim: Sim) -> None:
    end_session(connection.connection.info.backend_pid)

    assert ask(sim, **{TRANSACTION: "T"}).status_code == 200
    assert ask(sim, **{TRANSACTION: "T"}).status_code == 409


def test_a_connection_that_goes_in_the_middle_is_no_error(sim: Sim, settings: Settings) -> None:
    settings.BALANCE_RATE = 1000
    CallerRate.objects.create(caller="anybody", free_at=AT - 900 * DAY)
    statuses: list[int] = []

    def asked() -> None:
        statuses.append(ask(sim, **{TRANSACTION: "T"}).status_code)
        connection.close()

    asking = threading.Thread(target=asked)
    with transaction.atomic():
        CallerRate.objects.select_for_update().get()
        asking.start()
        wait_for_lock()
        end_session(_waiting())
    asking.join(timeout=20)

    assert statuses == [200]
    assert ask(sim, **{TRANSACTION: "T"}).status_code == 409


def _waiting() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_locks WHERE NOT granted")
        waiting: int = cursor.fetchone()[0]
    return waiting


@dataclass
class Cut:
    """Set: the next answer of PostgreSQL's is lost, with the connection it came on."""

    next: threading.Event = field(default_factory=threading.Event)
    port: int = 0


READY = b"Z\x00\x00\x00\x05I"


@contextmanager
def cutting(host: str, port: int) -> Iterator[Cut]:
    """Stand between the portal and PostgreSQL."""
    cut = Cut()

    class Between(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection((host, port)) as server:
                back = threading.Thread(target=self._back, args=(server,))
                back.start()
                self._pass(self.request, server.sendall)
                _end(server)
                back.join()

        def _back(self, server: socket.socket) -> None:
            self._pass(server, self._unless_cut)
            _end(self.request)

        def _unless_cut(self, sent: bytes) -> None:
            # Ready for the next query: what was asked has been done and is committed.
            if cut.next.is_set() and sent.endswith(READY):
                cut.next.clear()
                raise ConnectionResetError
            self.request.sendall(sent)

        def _pass(self, source: socket.socket, to: Callable[[bytes], None]) -> None:
            try:
                while sent := source.recv(65_536):
                    to(sent)
            except OSError:
                return

    with socketserver.ThreadingTCPServer((LOOPBACK, 0), Between) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        serving.start()
        cut.port = server.server_address[1]
        try:
            yield cut
        finally:
            connection.close()
            server.shutdown()
            serving.join()


def _end(line: socket.socket) -> None:
    try:
        line.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


@pytest.mark.parametrize("rate", [0, 0.01], ids=["no limit", "the last before the limit"])
def test_an_answer_of_the_databases_that_is_lost_is_asked_for_again(
    sim: Sim, settings: Settings, monkeypatch: pytest.MonkeyPatch, rate: float
) -> None:
    """The first statement was carried out: the second knows its own row and is no repetition."""
    settings.BALANCE_RATE = rate
    where = connection.settings_dict
    with cutting(where["HOST"], int(where["PORT"])) as cut:
        connection.close()
        with monkeypatch.context() as changed:
            changed.setitem(where, "PORT", cut.port)
            connection.ensure_connection()
            cut.next.set()

            assert ask(sim, **{TRANSACTION: "T"}).status_code == 200
            assert not cut.next.is_set()
            assert ask(sim, **{TRANSACTION: "T"}).status_code == (429 if rate else 409)
            connection.close()


def test_what_a_line_had_before_costs_nothing(sim: Sim) -> None:
    """Of five years of weekly plans it reads the one that runs."""
    line = Line.objects.get()
    past = Subscription.objects.bulk_create(
        Subscription(
            line=line,
            reference=f"week {week}",
            state=SubscriptionState.ACTIVE,
            starts_at=now() - (week + 1) * 7 * DAY,
            ends_at=now() - week * 7 * DAY,
        )
        for week in range(260)
    )
    Bucket.objects.bulk_create(
        Bucket(subscription=one, kind=Bucket.Kind.ALLOWANCE, total_bytes=1, countries=[])
        for one in past
    )

    assert subscriptions_read(sim) == 1


def subscriptions_read(sim: Sim) -> int:
    """Return how many subscriptions a question makes PostgreSQL look at, by its indexes."""
    text = statement._look(Rules(None, None), remembers=False, again=False)  # noqa: SLF001 -- as it is sent
    with transaction.atomic(), connection.cursor() as django:
        # Of so few rows it would read all.
        django.execute("ANALYZE; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        with psycopg.RawCursor(connection.connection) as cursor:
            told = b"EXPLAIN (ANALYZE, FORMAT JSON) " + text
            [([plan],)] = cursor.execute(told, [now(), sim.iccid]).fetchall()
    (scan,) = (node for node in _nodes(plan["Plan"]) if node.get("Alias") == "subscription")
    found: int = scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0)
    return found


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from _nodes(part)
