"""Run a command with what the settings need: `python -m tests.settings_for check -- COMMAND`.

`check` is enough to read the code (types, migrations, texts). `production` is `.env.example` with
the values that each operator has of its own, so that the example keeps passing `check --deploy`.
"""

import os
import sys
from pathlib import Path

from demo.run import new_secrets

ROOT = Path(__file__).resolve().parent.parent
# What `.env.example` leaves to each operator.
OWN_VALUES = {
    "PAYMENT_GATEWAY": "payments.gateways.simulator.SimulatorGateway",
    "PAYMENT_WEBHOOK_SECRET": "between-gateway-and-portal",
    "PROXY_SECRET": "between-proxy-and-portal",
    # The example's file is not on this machine.
    "BALANCE_CA": "",
}


def check_environment() -> dict[str, str]:
    return {
        **new_secrets(),
        "DEMO": "1",
        "SIMULATORS": "1",
        "DATABASE_URL": "sqlite://:memory:",
        "BROKER_URL": "memory://",
    }


def production_environment() -> dict[str, str]:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    lines = [line for line in example.splitlines() if line and not line.startswith("#")]
    written = dict(line.split("=", 1) for line in lines)
    return {**written, **new_secrets(), **OWN_VALUES}


ENVIRONMENTS = {"check": check_environment, "production": production_environment}


def main() -> None:
    kind, _dashes, *command = sys.argv[1:]
    os.execvpe(command[0], command, {**os.environ, **ENVIRONMENTS[kind]()})  # noqa: S606 -- make's own words


if __name__ == "__main__":
    main()
