"""`python -m bench.balance --sims 10000 1000000 --rounds 3`, on a PostgreSQL of its own.

Get Balance as production serves it, in turn with servers that do the same work with less around it
(`bench.anchors`): on the same rows, with the same proxy secret, certificate and kind of row for a
transaction id. Each is first asked as fast as it answers, which tells the CPU time a request by
process, and then at half of that rate, which tells how long an answer takes.
"""

import argparse
import json
import sys
from contextlib import ExitStack
from pathlib import Path

from bench import answers, visits
from bench.machines import Surroundings, surroundings
from bench.servers import KINDS


def main() -> int:
    options = _options()
    with surroundings() as around:
        lines = [_line(around, size, options) for size in sorted(options.sims)]
        plan = around.table.plan()
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        told = {**visits.as_json(lines), "workers": options.workers}
        options.json.write_text(json.dumps({**told, "plan": plan}, indent=1) + "\n", "utf-8")
    print(visits.table(lines))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.balance", description=__doc__)
    add = parser.add_argument
    add("--sims", type=int, nargs="+", default=[1_000_000], metavar="N", help="(1000000)")
    add("--usage", type=int, default=0, metavar="N", help="usage records beside the most SIMs (0)")
    add("--rounds", type=int, default=7, help="of each kind (%(default)s)")
    add("--seconds", type=float, default=2.0, help="of each measurement (%(default)s)")
    add("--workers", type=int, default=2, help="processes of a server (%(default)s)")
    add("--connections", type=int, default=32, help="of the callers (%(default)s)")
    add("--only", nargs="+", metavar="NAME", help="these servers alone")
    add("--quick", action="store_true", help="ten thousand SIMs, three rounds of a second")
    add("--json", type=Path, help="leave every round here")
    options = parser.parse_args()
    if options.quick:
        options.sims, options.rounds, options.seconds = [10_000], 3, 1.0
    return options


def _line(around: Surroundings, size: int, options: argparse.Namespace) -> visits.Line:
    around.table.grow(size, usage=options.usage if size == max(options.sims) else 0)
    headers = around.headers()
    chosen = [one for one in KINDS if one.name in (options.only or [one.name])]
    line = visits.Line(size, {one.name: [] for one in chosen})
    with ExitStack() as held:
        # All stand ready and one is asked, so that what else the machine does meets them alike.
        running = [
            held.enter_context(around.servers.running(one, options.workers)) for one in chosen
        ]
        answers.compare(running, headers)
        visitor = visits.Visitor(
            around.table, headers, size, seconds=options.seconds, connections=options.connections
        )
        for server in running:
            visitor.warm_up(server)
        for number in range(options.rounds):
            for server in running if number % 2 else reversed(running):
                visit = visitor.visit(server)
                line.visits[server.kind.name].append(visit)
                print(f"{size} SIMs, {server.kind.name}: {visit}", file=sys.stderr, flush=True)
    return line


if __name__ == "__main__":
    sys.exit(main())
