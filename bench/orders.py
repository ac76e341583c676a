"""`python -m bench.orders --orders 200 --workers 2 --rounds 3`, on throwaway services.

Orders are prepared, then submitted in this process while Celery workers settle them; beside it, in
turn, a bare script does the same calls and the same writes with as many processes. Told are orders
a second from the first submit to the last completion, and the CPU time an order.
"""

import argparse
import json
import logging
import os
import sys
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

import django

from bench.house import THREADS, House
from tests.stack import make_copy

if TYPE_CHECKING:
    from bench.report import Line


def main() -> int:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        house = House(make_copy("postgresql", Path(folder)))
        try:
            house.prepare()
            with (house.copy.folder / "submit.log").open("w", encoding="utf-8") as log:
                become_the_portal(house, log)
                lines = _measure(house, options)
        finally:
            house.close()
    from bench import report  # noqa: PLC0415 -- after `become_the_portal`

    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        told = report.as_json(lines, threads=options.threads)
        options.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(report.table(lines))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.orders", description=__doc__)
    parser.add_argument("--orders", type=int, default=200, help="a round (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="of each kind (%(default)s)")
    parser.add_argument(
        "--workers", type=int, nargs="+", default=[2], metavar="N", help="worker processes (2)"
    )
    parser.add_argument(
        "--threads", type=int, default=THREADS, help="of a worker; `make run` has %(default)s"
    )
    parser.add_argument(
        "--table",
        type=int,
        nargs="+",
        default=[0],
        metavar="N",
        help="finished orders that are there before (0)",
    )
    parser.add_argument("--json", type=Path, help="leave every round here")
    return parser.parse_args()


def become_the_portal(house: House, log: IO[str]) -> None:
    """Take on the portal's settings; what it logs goes to a file, as a service's log does."""
    os.environ.update(house.environment)
    django.setup()
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(log)


def _measure(house: House, options: argparse.Namespace) -> "list[Line]":
    from bench import anchor, history, portal, report  # noqa: PLC0415 -- models need settings

    lines = []
    for size in sorted(options.table):
        history.fill(size)
        for workers in options.workers:
            line = report.Line(workers, size)
            with house.workers(workers, threads=options.threads) as staff:
                portal.settle(house, staff, orders=portal.WARM_UP * workers)
                for _ in range(options.rounds):
                    line.portal.append(portal.settle(house, staff, orders=options.orders))
                    line.bare.append(
                        anchor.work_off(house, processes=workers, orders=options.orders)
                    )
                    print(line.last, file=sys.stderr, flush=True)
            lines.append(line)
    return lines


if __name__ == "__main__":
    sys.exit(main())
