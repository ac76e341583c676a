"""A database connection that is lost during a request: the request is answered all the same."""

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import psycopg
import pytest
from django.db import connection, transaction
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from balance_api.models import CallerRate
from demo.parts import LOOPBACK
from esim.models import Sim
from tests.balance_api.test_views import TRANSACTION, get_balance
from tests.races import wait_for_lock


def end_session(session: int) -> None:
    """End a session of PostgreSQL, as an administrator would."""
    name, command = connection.settings_dict, "SELECT pg_terminate_backend(%s, 5000)"
    where = {"host": name["HOST"], "port": name["PORT"], "user": name["USER"]}
    with psycopg.connect(dbname=name["NAME"], **where) as another:
        another.execute(command, [session])


def test_a_lost_connection_is_replaced_before_the_statement(sim: Sim) -> None:
    end_session(connection.connection.info.backend_pid)

    assert get_balance(sim, **{TRANSACTION: "T"}).status_code == 200
    assert get_balance(sim, **{TRANSACTION: "T"}).status_code == 409


def test_a_connection_lost_during_the_statement_is_replaced(sim: Sim, settings: Settings) -> None:
    settings.BALANCE_RATE = 1000
    CallerRate.objects.create(caller="anybody", free_at=now() - timedelta(days=900))
    statuses: list[int] = []

    def send() -> None:
        statuses.append(get_balance(sim, **{TRANSACTION: "T"}).status_code)
        connection.close()

    sending = threading.Thread(target=send)
    with transaction.atomic():
        CallerRate.objects.select_for_update().get()
        sending.start()
        wait_for_lock()
        end_session(_waiting_session())
    sending.join(timeout=20)

    assert statuses == [200]
    assert get_balance(sim, **{TRANSACTION: "T"}).status_code == 409


def _waiting_session() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_locks WHERE NOT granted")
        session: int = cursor.fetchone()[0]
    return session


@dataclass
class Cut:
    """When `next` is set, PostgreSQL's next answer is lost together with its connection."""

    next: threading.Event = field(default_factory=threading.Event)
    port: int = 0


# PostgreSQL's message ReadyForQuery.
READY = b"Z\x00\x00\x00\x05I"


@contextmanager
def cutting(host: str, port: int) -> Iterator[Cut]:
    """Run a proxy between the portal and PostgreSQL."""
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
            # The statement was executed and committed.
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
def test_a_lost_answer_of_the_database_is_no_repetition(
    sim: Sim, settings: Settings, monkeypatch: pytest.MonkeyPatch, rate: float
) -> None:
    """The first statement was executed. The second one recognises the first one's row."""
    settings.BALANCE_RATE = rate
    where = connection.settings_dict
    with cutting(where["HOST"], int(where["PORT"])) as cut:
        connection.close()
        with monkeypatch.context() as changed:
            changed.setitem(where, "PORT", cut.port)
            connection.ensure_connection()
            cut.next.set()

            assert get_balance(sim, **{TRANSACTION: "T"}).status_code == 200
            assert not cut.next.is_set()
            assert get_balance(sim, **{TRANSACTION: "T"}).status_code == (429 if rate else 409)
            connection.close()
