"""`python -m bench.orders --orders 200 --workers 2 --rounds 3`, on throwaway services.

This process prepares orders and submits them while Celery workers settle them.
Alternating with that, a bare script makes the same calls and the same writes with as many
processes. The results are orders per second, from the first submit to the last
completion, and the CPU time for each order.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench.product import THREADS, Product, loaded_product

if TYPE_CHECKING:
    from bench.report import Line


def main() -> int:
    options = _options()
    with loaded_product("submit.log") as product:
        lines = _measure(product, options)
    from bench import report  # noqa: PLC0415 -- models need settings

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
