"""What the processes write in production: every line is one log event in JSON."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis import Redis

from demo.guard import Guard
from demo.parts import LOOPBACK, ROOT
from moportal.logs.configuration import log_uncaught_exceptions
from tests.builders import EID
from tests.services import Server, free_port, redis
from tests.settings_for import production_environment
from tests.speeds import sampled

WITHIN = 60.0
FORWARDED = {"Host": "portal.kestrel.example", "X-Forwarded-Proto": "https"}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Server]:
    """Return a Redis of the test's own, which it may stop."""
    guard = Guard()
    with redis(tmp_path / "redis", guard) as server:
        yield server
    guard.dismiss()


class Process:
    """One process with production's settings. It writes to a file."""

    def __init__(self, folder: Path, name: str, *options: str, **variables: str) -> None:
        self._file = folder / name
        environment = {**os.environ, **production_environment()}
        environment |= {"DEMO": "0", "SIMULATORS": "0"}
        environment |= {"DATABASE_URL": os.environ["DATABASE_URL"], **variables}
        with self._file.open("w") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *options],
                cwd=ROOT,
                env=environment,
                stdout=file,
                stderr=subprocess.STDOUT,
            )

    def wait_for(self, text: str, times: int = 1) -> None:
        deadline = time.monotonic() + WITHIN
        while self._file.read_text().count(text) < times:
            assert time.monotonic() < deadline, self._last_words()
            time.sleep(0.1)

    def _last_words(self) -> str:
        """Return the last lines. The last one of a worker says what each of its threads does."""
        self._process.send_signal(signal.SIGUSR1)
        time.sleep(1)
        return "\n".join(line[-2000:] for line in self._file.read_text().splitlines()[-20:])

    def end(self, number: signal.Signals) -> list[str]:
        """Send the signal, and return every line that the process has written."""
        self._process.send_signal(number)
        self._process.wait(WITHIN)
        return self._file.read_text().splitlines()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.mark.processes
@pytest.mark.parametrize(
    "number", sampled([signal.SIGTERM, signal.SIGINT], in_short=[signal.SIGTERM])
)
def test_every_line_of_worker_and_beat_is_one_json_object(
    broker: Server, tmp_path: Path, number: signal.Signals
) -> None:
    """From the start, through a loss of the broker, to the end."""
    schedule = ("--schedule", str(tmp_path / "schedule"), "--loglevel", "INFO")
    pool = ("--pool", "threads", "--concurrency", "2")
    celery = ("celery", "-A", "moportal")
    client: Any = Redis.from_url(broker.url)
    published = client.pubsub(ignore_subscribe_messages=True)
    published.psubscribe("*")
    worker = Process(tmp_path, "worker", *celery, "worker", *pool, BROKER_URL=broker.url)
    beat = Process(tmp_path, "beat", *celery, "beat", *schedule, BROKER_URL=broker.url)
    try:
        worker.wait_for(" ready.")
        beat.wait_for("Sending due task")
        # A worker that publishes by itself says nothing about a loss that it notices while it does.
        assert [published.get_message(timeout=0.1) for _ in range(3)] == [None] * 3
        published.close()
        broker.stop()
        worker.wait_for("Connection to broker lost")
        broker.start()
        worker.wait_for("Connected to redis", times=2)
        lines = [*worker.end(number), *beat.end(number)]
    finally:
        worker.kill()
        beat.kill()

    found = [json.loads(line) for line in lines]
    assert all(line.keys() >= {"timestamp", "level", "event"} for line in found)
    # The database of this test has no tables, and that traceback is one line too.
    assert any("shutdown" in line["event"] for line in found)
    assert any("Traceback" in line.get("exception", "") for line in found)


@pytest.mark.processes
@pytest.mark.parametrize("face", ["api", "portal"])
def test_every_line_of_the_web_server_is_one_json_object(tmp_path: Path, face: str) -> None:
    port = free_port()
    options = [
        *("--interface", "wsgi", "--host", LOOPBACK, "--port", str(port), "--no-ws"),
        *("--workers", "1", "--log-config", "deploy/granian-log.json", "--access-log"),
    ]
    web = Process(
        tmp_path, "web", "granian", *options, "moportal.wsgi:application", MOPORTAL_FACE=face
    )
    try:
        web.wait_for("Started worker")
        for path in ("/v1/sims/1/balances", "/support/"):
            httpx.get(f"http://{LOOPBACK}:{port}{path}", headers=FORWARDED, trust_env=False)
        lines = web.end(signal.SIGTERM)
    finally:
        web.kill()

    found = [json.loads(line) for line in lines]
    assert all(line.keys() >= {"timestamp", "level", "event"} for line in found)
    # The database of this test has no tables.
    assert ("unhandled exception" in {line["event"] for line in found}) == (face == "portal")


@pytest.fixture
def logged(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[str]]:
    """Log uncaught exceptions within the test, and return the text of each log record."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    log_uncaught_exceptions()
    texts: list[str] = []
    monkeypatch.setattr(caplog.handler, "emit", lambda record: texts.append(_text(record)))
    yield texts
    logging.captureWarnings(capture=False)


def _text(record: logging.LogRecord) -> str:
    error = record.exc_info[1] if record.exc_info else None
    return f"{record.getMessage()} {error}".strip()


def test_an_uncaught_exception_is_logged_instead_of_printed(
    logged: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    error = ValueError(f"no such EID {EID}")

    sys.excepthook(ValueError, error, None)
    thread = threading.Thread(target=lambda: [""].remove("nothing"))
    thread.start()
    thread.join()

    assert logged == [
        f"uncaught exception no such EID {EID}",
        "uncaught exception list.remove(x): x not in list",
    ]
    assert capfd.readouterr().err == ""


def test_a_warning_is_logged_instead_of_printed(logged: list[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("superuser", RuntimeWarning, stacklevel=1)

    assert len(logged) == 1
    assert "RuntimeWarning: superuser" in logged[0]
