"""What the parts print: every line goes to the part's log, and the terminal shows what matters."""

import logging
import os
import re
import sys
import threading
from logging.handlers import RotatingFileHandler
from pathlib import Path

COLOURS = {
    "web": 36,
    "worker": 33,
    "beat": 33,
    "smdp": 35,
    "payment": 32,
    "network": 31,
    "setup": 34,
}
# Each part keeps its current log and the one before it.
LARGEST_LOG = 1024 * 1024
OLDER_LOGS = 1
# A line without a level, such as one of a traceback, counts as a warning.
INFORMATIONAL = re.compile(
    r"timestamp=\S+ level=(?:debug|info)\b|[\w+ -]+ simulator: listening on |$"
)


class Output:
    """Writes each line to `folder`, one log a part, and shows it under the part's name.

    After `be_quiet`, informational lines go to the log only.
    """

    def __init__(self, folder: Path) -> None:
        self._is_quiet = False
        self._folder = folder
        self._logs: dict[str, RotatingFileHandler] = {}
        # A part's output and the supervisor's remarks about it come from different threads.
        self._writing = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, name: str, line: str) -> None:
        with self._writing:
            self._log(name).emit(logging.makeLogRecord({"msg": line}))
            if not (self._is_quiet and INFORMATIONAL.match(line)):
                _show(name, line)

    def be_quiet(self) -> None:
        """Show no informational line any more, not even one that another thread is showing now."""
        with self._writing:
            self._is_quiet = True

    def close(self) -> None:
        with self._writing:
            for log in self._logs.values():
                log.close()

    def _log(self, name: str) -> RotatingFileHandler:
        if name not in self._logs:
            self._logs[name] = RotatingFileHandler(
                self._folder / f"{name}.log",
                maxBytes=LARGEST_LOG,
                backupCount=OLDER_LOGS,
                encoding="utf-8",
            )
        return self._logs[name]


def _show(name: str, line: str) -> None:
    prefix = f"{name:>7} |"
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        prefix = f"\033[{COLOURS[name]}m{prefix}\033[0m"
    print(prefix, line, flush=True)
