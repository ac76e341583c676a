"""Get Balance's surroundings while it is measured: a database, settings, and whom it believes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from bench.servers import Servers
from bench.sims import Table
from demo.guard import Guard
from demo.parts import LOOPBACK, ROOT
from tests.authority import Authority
from tests.services import postgresql
from tests.settings_for import production_environment

CALLER, HOST, REPLAYS = "caller.bench.example", "portal.bench.example", "bench_replay"
SECRET = "between-proxy-and-portal"  # noqa: S105 -- of this run alone
# A quarter of the machine's memory, as PostgreSQL's manual has it (20.4.1).
QUARTER = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 4
MEMORY = {"shared_buffers": f"{QUARTER >> 20}MB", "max_wal_size": "16GB"}


@dataclass(frozen=True)
class Surroundings:
    """Where things lie, who issues certificates, and what can be started."""

    folder: Path
    authority: Authority
    table: Table
    servers: Servers

    def headers(self) -> dict[str, str]:
        """Return what the proxy would pass on of a caller that is believed."""
        shown = self.authority.issue(CALLER).pem.decode()
        return {
            "Host": HOST,
            "Accept": "application/json",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-For": "192.0.2.1",
            "X-Proxy-Secret": SECRET,
            "X-Client-Certificate": quote(shown, safe=""),
        }


@contextmanager
def surroundings() -> Iterator[Surroundings]:
    """Start a PostgreSQL, take on the portal's settings, and migrate."""
    with ExitStack() as held:
        guard = Guard()
        held.callback(guard.dismiss)
        folder = Path(held.enter_context(TemporaryDirectory(prefix="bench-")))
        folder.chmod(0o755)
        url = held.enter_context(postgresql(folder / "postgresql", guard, **MEMORY)).url
        os.environ.update(_environment(url, folder))
        authority = Authority("Bench CA")  # which reads settings
        authority.own.write(folder, "authority")
        _migrate()
        table = Table(url)
        held.callback(table.close)
        table.keep_replays(REPLAYS)
        yield Surroundings(folder, authority, table, Servers(folder, guard))


def _environment(url: str, folder: Path) -> dict[str, str]:
    return {
        **production_environment(),
        "DJANGO_SETTINGS_MODULE": "moportal.settings",
        "MOPORTAL_FACE": "api",
        "ALLOWED_HOSTS": f"{HOST},{LOOPBACK}",
        "DATABASE_URL": url,
        "BROKER_URL": "memory://",
        "PROXY_SECRET": SECRET,
        "BALANCE_CA": str(folder / "authority.crt"),
        "BALANCE_NAMES": CALLER,
        "BALANCE_RATE": "0",
        "BENCH_REPLAYS": REPLAYS,
    }


def _migrate() -> None:
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "MOPORTAL_FACE": "all"}, check=True)
