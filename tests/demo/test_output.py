"""What `make run` shows on the terminal, and what it writes to the logs."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo import output
from demo.output import Output

INFO = "timestamp=2026-11-29T09:09:16.238726Z level=info event=sending logger=celery.beat"
WARNING = "timestamp=2026-11-29T09:09:16.238726Z level=warning event=slow logger=outbox"
ERROR = "timestamp=2026-11-29T09:09:16.238726Z level=error event=failed logger=outbox"


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[Output]:
    """Return the output of a run that is ready."""
    ready = Output(tmp_path / "log")
    ready.be_quiet()
    yield ready
    ready.close()


@pytest.mark.parametrize(
    "line",
    [
        INFO,
        INFO.replace("info", "debug"),
        "SM-DP+ simulator: listening on http://127.0.0.1:8001",
        "",
    ],
)
def test_an_informational_line_goes_to_the_log_only(
    quiet: Output, tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    quiet.write("worker", line)

    assert capsys.readouterr().out == ""
    assert (tmp_path / "log/worker.log").read_text() == f"{line}\n"


@pytest.mark.parametrize(
    "line",
    [WARNING, ERROR, "Traceback (most recent call last):", "killed by signal 9; 100 %s"],
)
def test_a_warning_reaches_the_terminal_and_the_log(
    quiet: Output, tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    quiet.write("worker", line)

    assert capsys.readouterr().out == f" worker | {line}\n"
    assert (tmp_path / "log/worker.log").read_text() == f"{line}\n"


def test_every_line_reaches_the_terminal_before_the_run_is_ready(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = Output(tmp_path / "log")

    begun.write("setup", INFO)

    assert capsys.readouterr().out == f"  setup | {INFO}\n"
    begun.close()


def test_a_run_is_ready_only_after_a_line_that_is_being_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader of a part's output and the run are different threads."""
    begun, happened = Output(tmp_path / "log"), []
    is_showing = threading.Event()

    def show_slowly(_name: str, line: str) -> None:
        is_showing.set()
        time.sleep(0.1)
        happened.append(line)

    monkeypatch.setattr(output, "_show", show_slowly)
    reader = threading.Thread(target=begun.write, args=("web", INFO))
    reader.start()
    is_showing.wait()
    begun.be_quiet()
    happened.append("ready")
    reader.join()
    begun.close()

    assert happened == [INFO, "ready"]


def test_each_part_has_its_own_log(quiet: Output, tmp_path: Path) -> None:
    quiet.write("web", INFO)
    quiet.write("worker", WARNING)

    assert sorted(path.name for path in (tmp_path / "log").iterdir()) == ["web.log", "worker.log"]
    assert (tmp_path / "log/web.log").read_text() == f"{INFO}\n"


def test_a_log_does_not_grow_without_end(
    quiet: Output, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "LARGEST_LOG", 1000)

    for _ in range(100):
        quiet.write("worker", INFO)

    sizes = {path.name: path.stat().st_size for path in (tmp_path / "log").iterdir()}
    assert sizes.keys() == {"worker.log", "worker.log.1"}
    assert max(sizes.values()) <= 1000
