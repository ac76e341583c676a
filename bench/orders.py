"""`python -m bench.orders --orders 200 --workers 2 --rounds 3`, on throwaway services.

This process prepares orders and submits them while Celery workers settle them.
Alternating with that, a bare script makes the same calls and the same writes with as many
processes. The results are orders per second, from the first submit to the last
completion, and the CPU time for each order.
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

from bench.product import THREADS, Product
from tests.stack import make_copy

if TYPE_CHECKING:
    from bench.report import Line


def main() -> int:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        product = Product(make_copy("postgresql", Path(folder)))
        try:
            product.prepare()
            with (product.copy.folder / "submit.log").open("w", encoding="utf-8") as log:
                load_portal(product, log)
                lines = _measure(product, options)
        finally:
            product.close()
    from bench import report  # noqa: PLC0415 -- after `load_portal`

    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        result = report.as_json(lines, threads=options.threads)
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(report.table(lines))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.orders", description=__doc__)
    parser.add_argument("--orders", type=int, default=200, help="orders in a round (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each kind (%(default)s)")
    parser.add_argument(
        "--workers", type=int, nargs="+", default=[2], metavar="N", help="worker processes (2)"
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=THREADS,
        help="threads of a worker; `make run` has %(default)s",
    )
    parser.add_argument(
        "--table",
        type=int,
        nargs="+",
        default=[0],
        metavar="N",
        help="finished orders in the tables (0)",
    )
    parser.add_argument("--json", type=Path, help="write every round to this file")
    return parser.parse_args()


def load_portal(product: Product, log: IO[str]) -> None:
    """Load the portal's settings in this process and send its log to a file."""
    os.environ.update(product.environment)
    django.setup()
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(log)


def _measure(product: Product, options: argparse.Namespace) -> "list[Line]":
    from bench import history, report  # noqa: PLC0415 -- models need settings
    from bench.bare_round import run_bare_round  # noqa: PLC0415 -- the same
    from bench.portal_round import WARM_UP, run_portal_round  # noqa: PLC0415 -- the same

    lines = []
    for size in sorted(options.table):
        history.create_finished_orders(size)
        for count in options.workers:
            line = report.Line(count, size)
            orders = options.orders
            with product.workers(count, threads=options.threads) as workers:
                run_portal_round(product, workers, orders=WARM_UP * count)
                for _ in range(options.rounds):
                    line.portal.append(run_portal_round(product, workers, orders=orders))
                    line.bare.append(run_bare_round(product, processes=count, orders=orders))
                    print(line.last, file=sys.stderr, flush=True)
            lines.append(line)
    return lines


if __name__ == "__main__":
    sys.exit(main())
