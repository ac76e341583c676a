"""`python -m bench.load --compress 60 --times 10`: the source's load plan, by 25 agents.

The portal as production serves it, behind nginx with the configuration that is deployed, callers
with a client certificate each; the plan itself is `bench.agents`, run by locust. It fails unless
every request was answered as it should be. What came of it is one HTML file.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from bench.machines import CALLER, SECRET, surroundings
from bench.servers import PORTAL
from demo.parts import LOOPBACK, ROOT
from tests.authority import SERVER
from tests.deploy.conftest import run_nginx

SIMS = 10_000


def main() -> int:
    options = _options()
    with surroundings() as around:
        around.table.grow(SIMS)
        folder = around.folder
        certificate, key = around.authority.issue("nginx", usages=[SERVER], hosts=[LOOPBACK]).write(
            folder, "nginx"
        )
        shown, its_key = around.authority.issue(CALLER).write(folder, "caller")
        (folder / "nginx").mkdir()
        with (
            around.servers.running(PORTAL, options.workers) as portal,
            run_nginx(
                folder / "nginx",
                "api.conf.template",
                "API_LISTEN",
                API_HOST=LOOPBACK,
                API_CERTIFICATE=str(certificate),
                API_KEY=str(key),
                API_LOG=str(folder / "nginx" / "access.log"),
                PORTAL=f"{LOOPBACK}:{portal.port}",
                PROXY_SECRET=SECRET,
            ) as address,
        ):
            told = {
                "LOAD_AUTHORITY": str(folder / "authority.crt"),
                "LOAD_CERTIFICATE": str(shown),
                "LOAD_KEY": str(its_key),
                "LOAD_COMPRESS": str(options.compress),
                "LOAD_TIMES": str(options.times),
            }
            return _run(f"https://{address}", options.html, told)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    add = parser.add_argument
    add("--compress", type=float, default=1.0, help="so many times shorter (1: real time)")
    add("--times", type=float, default=1.0, help="so many times as fast (1)")
    add("--workers", type=int, default=2, help="processes of the portal (%(default)s)")
    add("--html", type=Path, default=ROOT / "var" / "load.html", help="(var/load.html)")
    return parser.parse_args()


def _run(host: str, html: Path, told: dict[str, str]) -> int:
    html.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "locust", "--headless", "--locustfile", "bench/agents.py"]
    command += ["--host", host, "--html", str(html.resolve()), "--only-summary"]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **told}, check=False)
    print(f"The report is {html}.")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
