"""Python that runs inside a copy of the portal, beside the copy's own processes.

One process serves all calls to one copy, because each start of Django takes more than a second.
"""

import io
import json
import subprocess
import sys
import traceback
from collections.abc import Mapping
from contextlib import redirect_stdout
from typing import IO

import django
from django.db import connections

from demo.parts import ROOT


class Shell:
    """A process with the copy's environment. It starts with the first call."""

    def __init__(self, environment: Mapping[str, str], log: IO[str]) -> None:
        self._environment, self._log = environment, log
        self._process: subprocess.Popen[str] | None = None

    def run(self, code: str) -> str:
        """Run the code and return what it prints. Raises `RuntimeError` with its traceback."""
        process = self._process = self._process or self._start()
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps(code) + "\n")
        process.stdin.flush()
        # The line is empty if the process could not start. The copy's log says why.
        printed, failure = json.loads(process.stdout.readline() or '["", "it did not start"]')
        if failure:
            raise RuntimeError(failure)
        return str(printed)

    def stop(self) -> None:
        if self._process:
            self._process.communicate()

    def _start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "tests.shell"],
            cwd=ROOT,
            env=dict(self._environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )


def main() -> None:
    """Answer each line of input until the input ends, also by the death of the other side."""
    django.setup()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_printed_and_failure(json.loads(line))) + "\n")
        sys.stdout.flush()


def _printed_and_failure(code: str) -> tuple[str, str]:
    printed, failure = io.StringIO(), ""
    try:
        with redirect_stdout(printed):
            exec(code, {})  # noqa: S102 -- the tests' own code
    except Exception:  # noqa: BLE001 -- the other side raises it
        failure = traceback.format_exc()
    finally:
        connections.close_all()
    return printed.getvalue(), failure


if __name__ == "__main__":
    main()
