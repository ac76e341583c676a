"""Change the code that moves money and check that a test fails: `python -m tests.mutants [NAME…]`.

mutmut makes and tests its mutants, then those made by hand follow. Survivors are printed, and
`mutmut show NAME` shows one. docs/mutants.md explains the known survivors.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import django
from django.test.utils import setup_databases

from tests.mutants import by_hand
from tests.mutants.shared import SIMULATORS
from tests.stack import running_simulator


def main() -> int:
    os.environ["DJANGO_SETTINGS_MODULE"] = "moportal.settings"
    django.setup()
    setup_databases(verbosity=0, interactive=False)
    binaries = Path(sys.executable).parent
    # mutmut runs mypy with the Python that it finds on PATH.
    os.environ["PATH"] = f"{binaries}{os.pathsep}{os.environ['PATH']}"
    with contextlib.ExitStack() as contexts:
        folder = Path(contexts.enter_context(tempfile.TemporaryDirectory()))
        for name, variable in SIMULATORS.items():
            os.environ[variable] = contexts.enter_context(running_simulator(name))
        mutmut = [sys.executable, "-m", "mutmut"]
        # One mutant at a time, because they share a database.
        done = subprocess.run(
            [*mutmut, "run", "--max-children", "1", *sys.argv[1:]], check=False
        ).returncode
        if done:
            return done
        subprocess.run([*mutmut, "results"], check=True)
        if not sys.argv[1:]:
            for change in by_hand.survivors(folder):
                print(f"\n    {change.file}: {change.old!r} changed to {change.new!r}: survived")
    return 0


if __name__ == "__main__":
    sys.exit(main())
