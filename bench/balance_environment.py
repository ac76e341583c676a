"""The environment of the Get Balance benchmarks: database, settings and certificates."""

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
from bench.sim_tables import SimTables
from demo.guard import Guard
from demo.parts import LOOPBACK, ROOT
from tests.authority import Authority
from tests.services import postgresql
from tests.settings_for import production_environment

CALLER, HOST, REPLAYS = "caller.bench.example", "portal.bench.example", "bench_replay"
SECRET = "between-proxy-and-portal"  # noqa: S105 -- used in this run only
# A quarter of the machine's memory, as PostgreSQL's manual recommends (20.4.1).
QUARTER = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 4
MEMORY = {"shared_buffers": f"{QUARTER >> 20}MB", "max_wal_size": "16GB"}


@dataclass(frozen=True)
class BalanceEnvironment:
    """The folder, the certificate authority, the tables and the servers of one run."""

    folder: Path
    authority: Authority
    tables: SimTables
    servers: Servers

    def headers(self) -> dict[str, str]:
        """Return the headers that the proxy passes on for a trusted caller."""
        certificate = self.authority.issue(CALLER).pem.decode()
        return {
            "Host": HOST,
            "Accept": "application/json",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-For": "192.0.2.1",
            "X-Proxy-Secret": SECRET,
            "X-Client-Certificate": quote(certificate, safe=""),
        }


@contextmanager
def balance_environment() -> Iterator[BalanceEnvironment]:
    """Start PostgreSQL, load the portal's settings, and migrate."""
    with ExitStack() as contexts:
        guard = Guard()
        contexts.callback(guard.dismiss)
        folder = Path(contexts.enter_context(TemporaryDirectory(prefix="bench-")))
        folder.chmod(0o755)
        url = contexts.enter_context(postgresql(folder / "postgresql", guard, **MEMORY)).url
        os.environ.update(_environment(url, folder))
        authority = Authority("Bench CA")  # it reads the settings
        authority.own.write(folder, "authority")
        _migrate()
        tables = SimTables(url)
        contexts.callback(tables.close)
        tables.create_replay_table(REPLAYS)
        yield BalanceEnvironment(folder, authority, tables, Servers(folder, guard))


def _environment(url: str, folder: Path) -> dict[str, str]:
    return {
        **production_environment(),
        "DJANGO_SETTINGS_MODULE": "moportal.settings",
        "MOPORTAL_FACE": "api",
        "ALLOWED_HOSTS": f"{HOST},{LOOPBACK}",
        "DATABASE_URL": url,
        # Get Balance needs no broker.
        "BROKER_URL": "redis://127.0.0.1:1",
        "PROXY_SECRET": SECRET,
        "BALANCE_CA": str(folder / "authority.crt"),
        "BALANCE_NAMES": CALLER,
        # No rate limit, because one caller sends all requests.
        "BALANCE_RATE": "0",
        "BENCH_REPLAYS": REPLAYS,
    }


def _migrate() -> None:
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "MOPORTAL_FACE": "all"}, check=True)
