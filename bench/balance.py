"""`python -m bench.balance --sims 10000 1000000 --rounds 3`, on its own PostgreSQL.

This measures Get Balance as production serves it, alternating with servers that do the
same work in less code (`bench.anchors`). All use the same rows, proxy secret and
certificate, and write the same kind of row for a transaction id. Each server is
measured at its highest rate, which gives the CPU time per request, and then at half of
that rate, which gives the latency.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from bench import measurements, same_answers
from bench.balance_environment import BalanceEnvironment, balance_environment
from bench.servers import KINDS, Server


def main() -> int:
    options = _options()
    with balance_environment() as environment:
        lines = [_measure_size(environment, size, options) for size in sorted(options.sims)]
        plan = environment.tables.plan()
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        result = {**measurements.as_json(lines), "workers": options.workers}
        options.json.write_text(json.dumps({**result, "plan": plan}, indent=1) + "\n", "utf-8")
    print(measurements.table(lines))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.balance", description=__doc__)
    add = parser.add_argument
    add("--sims", type=int, nargs="+", default=[1_000_000], metavar="N", help="(1000000)")
    add(
        "--usage",
        type=int,
        default=0,
        metavar="N",
        help="usage records with the largest number of SIMs (0)",
    )
    add("--rounds", type=int, default=7, help="rounds of each server (%(default)s)")
    add("--seconds", type=float, default=2.0, help="length of each measurement (%(default)s)")
    add("--workers", type=int, default=2, help="processes of a server (%(default)s)")
    add("--connections", type=int, default=32, help="connections of the callers (%(default)s)")
    add("--only", nargs="+", metavar="NAME", help="only these servers")
    add("--quick", action="store_true", help="ten thousand SIMs and three rounds of one second")
    add("--json", type=Path, help="write every round to this file")
    options = parser.parse_args()
    if options.quick:
        options.sims, options.rounds, options.seconds = [10_000], 3, 1.0
    return options


def _measure_size(
    environment: BalanceEnvironment, size: int, options: argparse.Namespace
) -> measurements.Line:
    environment.tables.grow(size, usage=options.usage if size == max(options.sims) else 0)
    headers = environment.headers()
    chosen = [one for one in KINDS if one.name in (options.only or [one.name])]

    line = measurements.Line(size, {one.name: [] for one in chosen})
    with ExitStack() as contexts:
        # All servers run, and take turns, so that other load on
        # the machine affects all alike.
        running = [
            contexts.enter_context(environment.servers.running(one, options.workers))
            for one in chosen
        ]

        same_answers.check_same_answers(running, headers)
        measurer = measurements.Measurer(
            environment.tables,
            headers,
            size,
            seconds=options.seconds,
            connections=options.connections,
        )
        for server in running:
            measurer.warm_up(server)
        for server in _turns(running, options.rounds):
            measurement = measurer.measure(server)
            line.measurements[server.kind.name].append(measurement)
            print(f"{size} SIMs, {server.kind.name}: {measurement}", file=sys.stderr, flush=True)
    return line


def _turns(running: list[Server], rounds: int) -> Iterator[Server]:
    """Yield each server once a round.

    Every second round goes in reverse order, so that no server is always the first.
    """
    for number in range(rounds):
        yield from running if number % 2 else reversed(running)


if __name__ == "__main__":
    sys.exit(main())
