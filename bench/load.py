"""`python -m bench.load --compress 60 --times 10`: Microsoft's load plan with 25 agents.

The portal runs as in production, behind nginx with the deployed configuration, and every caller has
a client certificate. The plan is `bench.agents`, run by locust. The run fails unless every request
gets the expected answer. The report is one HTML file.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from bench.balance_environment import CALLER, SECRET, balance_environment
from bench.servers import PORTAL
from demo.parts import LOOPBACK, ROOT
from tests.authority import SERVER
from tests.deploy.conftest import run_nginx

SIMS = 10_000


def main() -> int:
    options = _options()
    with balance_environment() as environment:
        environment.tables.grow(SIMS)
        folder = environment.folder
        certificate, key = environment.authority.issue(
            "nginx", usages=[SERVER], hosts=[LOOPBACK]
        ).write(folder, "nginx")
        caller, caller_key = environment.authority.issue(CALLER).write(folder, "caller")
        (folder / "nginx").mkdir()
        with (
            environment.servers.running(PORTAL, options.workers) as portal,
            run_nginx(
                folder / "nginx",
                "api.conf.template",
                "API_LISTEN",
                API_HOST=LOOPBACK,
                API_CERTIFICATE=str(certificate),
                API_KEY=str(key),
                API_LOG=str(folder / "nginx" / "access.log"),
                API_SERVERS=f"server {LOOPBACK}:{portal.port};",
                PROXY_SECRET=SECRET,
            ) as address,
        ):
            variables = {
                "LOAD_AUTHORITY": str(folder / "authority.crt"),
                "LOAD_CERTIFICATE": str(caller),
                "LOAD_KEY": str(caller_key),
                "LOAD_COMPRESS": str(options.compress),
                "LOAD_TIMES": str(options.times),
            }
            return _run(f"https://{address}", options.html, variables)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    add = parser.add_argument
    add(
        "--compress", type=float, default=1.0, help="shorten the plan by this factor (1: real time)"
    )
    add("--times", type=float, default=1.0, help="multiply the rates by this factor (1)")
    add("--workers", type=int, default=2, help="processes of the portal (%(default)s)")
    add("--html", type=Path, default=ROOT / "var" / "load.html", help="the report (var/load.html)")
    return parser.parse_args()


def _run(host: str, html: Path, variables: dict[str, str]) -> int:
    html.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "locust", "--headless", "--locustfile", "bench/agents.py"]
    command += ["--host", host, "--html", str(html.resolve()), "--only-summary"]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **variables}, check=False)
    print(f"The report is {html}.")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
