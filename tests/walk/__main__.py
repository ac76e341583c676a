"""`python -m tests.walk`: run the commands of docs/operate.md as they are written (`make walk`).

They run on a copy of this machine with its own systemd, PostgreSQL, Redis and nginx. The copy
clones what is committed here. The minutes of each section are printed at the end.
"""

import shlex
import sys
import time
from dataclasses import dataclass, field
from itertools import pairwise

from demo.parts import ROOT
from tests.walk.host import Host, WalkFailed, booted
from tests.walk.page import Section, sections

MARK = "== section: "
# Each command must succeed. The page's reader would stop, too.
STRICT = "set -eu -o pipefail\n"
BALANCE = '"dataRemainingInMB":5000'
# Once in Get Balance, and once more after the restore.
BALANCES = 2
PYTHON, REPOSITORY = shlex.quote(sys.executable), shlex.quote(str(ROOT))
CUSTOMER = f"(cd {REPOSITORY} && {PYTHON} -m tests.walk.customer)\n"
# The gateway's webhook and the SM-DP+'s notification have come in through nginx.
CALLS = """
for table in payments_webhookevent esim_downloadprogress; do
    for _ in $(seq 50); do
        question="SELECT count(*) > 0 FROM $table"
        came=$(runuser -u postgres -- psql --tuples-only --no-align --command "$question" moportal)
        [ "$came" != t ] || break
        sleep 0.2
    done
    [ "$came" = t ] || { echo "nothing came in: $table"; exit 1; }
done
"""
# systemd starts a killed process again.
KILLED = """
services="moportal-portal@8001 moportal-desk@8011 moportal-api@8021 moportal-worker moportal-beat"
systemctl kill --signal=KILL $services
for service in $services; do
    for _ in $(seq 100); do
        restarts=$(systemctl show --value --property NRestarts $service)
        [ "$restarts" -eq 0 ] || ! systemctl is-active --quiet $service || break
        sleep 0.2
    done
    [ "$restarts" -gt 0 ] || { echo "$service was not started again"; exit 1; }
    systemctl is-active $service
done
"""
JOURNAL = "journalctl --no-pager --lines 80 _TRANSPORT=stdout + _TRANSPORT=journal"
AFTER = {"First sale": CUSTOMER + CALLS, "Get Balance": KILLED}


@dataclass
class Report:
    """What the copy has printed, and when each section began."""

    lines: list[str] = field(default_factory=list)
    began: dict[str, float] = field(default_factory=dict)

    def say(self, line: str) -> None:
        if line.startswith(MARK):
            self.began[line.removeprefix(MARK)] = time.monotonic()
        self.lines.append(line)
        print(line, flush=True)

    def minutes(self) -> list[str]:
        times = [*self.began.values(), time.monotonic()]
        lasted = [end - began for began, end in pairwise(times)]
        pairs = zip(lasted, self.began, strict=True)
        return [f"{seconds / 60:6.1f} min  {heading}" for seconds, heading in pairs]


def walk(report: Report) -> None:
    """Run every command of the page; raises `WalkFailed` at the first that fails."""
    on_the_network, *rest = sections()
    report.say(MARK + on_the_network.heading)
    with booted(STRICT + on_the_network.commands) as host:
        _run(host, rest, report)
    found = sum(line.count(BALANCE) for line in report.lines)
    if found != BALANCES:
        raise WalkFailed(f"{found} balances of 5000 MB instead of {BALANCES}")


def _run(host: Host, rest: list[Section], report: Report) -> None:
    # The first section ends in this folder.
    script = STRICT + "cd /opt/moportal\n"
    for section in rest:
        # An answer of curl may end without a line break.
        script += f"echo; echo {shlex.quote(MARK + section.heading)}\n{section.commands}"
        script += AFTER.get(section.heading, "")
    try:
        host.run(script, report.say)
    except WalkFailed:
        host.run(JOURNAL, report.say)
        raise


def main() -> int:
    report = Report()
    try:
        walk(report)
    except WalkFailed as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return 1
    finally:
        print("\n".join(["", *report.minutes()]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
