"""`python -m bench.renewals --running 400000 --ended 600000 --due 5000`, on throwaway services.

Plans fall due, beat finds them, and Celery workers renew them: payment, network, receipt, message.
Alternating with that, a bare loop makes the same calls and the same writes with as many processes.
The results are renewals per second, how late they are, and the CPU time for each.
"""

import argparse
import sys
import time
from dataclasses import asdict
from datetime import timedelta
from statistics import quantiles
from typing import TYPE_CHECKING

from bench.product import THREADS, Product, loaded_product

if TYPE_CHECKING:
    from bench.meter import Round
    from bench.renewal_data import Crowd

# In seconds. If no plan is renewed for this long, something is broken.
PATIENCE = 120.0
# The bare loop does not get faster or slower with more.
MOST_BARE = 2000


def main() -> int:
    options = _options()
    with loaded_product("renewals.log") as product:
        _measure(product, options)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.renewals", description=__doc__)
    parser.add_argument("--running", type=int, default=40_000, help="running plans (%(default)s)")
    parser.add_argument("--ended", type=int, default=60_000, help="ended plans (%(default)s)")
    parser.add_argument("--due", type=int, default=1000, help="plans that are due (%(default)s)")
    parser.add_argument(
        "--minutes",
        type=int,
        default=0,
        help="the time over which they fall due from now on; 0: all of them are due already",
    )
    parser.add_argument("--workers", type=int, default=2, help="worker processes (%(default)s)")
    return parser.parse_args()


def _measure(product: Product, options: argparse.Namespace) -> None:
    from django.utils.timezone import now  # noqa: PLC0415 -- models need settings

    from bench import renewal_data  # noqa: PLC0415 -- the same
    from bench.bare_round import WARM_UP  # noqa: PLC0415 -- the same

    print(f"finding what is due, nothing ended: {_time_to_find()}", file=sys.stderr)
    within = timedelta(minutes=options.minutes)
    bare = min(options.due, MOST_BARE) + WARM_UP * options.workers
    crowd = renewal_data.Crowd(
        options.ended, options.running, options.due, bare, since=now(), within=within
    )
    renewal_data.create(crowd)
    print(f"finding what is due, {crowd.ended} ended: {_time_to_find()}", file=sys.stderr)
    portal = _portal_round(product, crowd, options.workers)
    late = quantiles(lateness(), n=100)
    _report(crowd, late, portal, _bare_round(product, crowd, options.workers))


def _time_to_find() -> str:
    """Return how PostgreSQL finds the subscriptions that are due now: plan, pages and time."""
    from django.utils.timezone import now  # noqa: PLC0415 -- models need settings

    from subscriptions.domain.renewing import AT_A_TIME, due_since  # noqa: PLC0415 -- the same

    found = due_since(now())[:AT_A_TIME]
    lines = found.explain(analyze=True, buffers=True).splitlines()
    wanted = ("Index", "Seq", "Buffers", "Execution")
    return "; ".join(line.strip() for line in lines if any(word in line for word in wanted))


def _portal_round(product: Product, crowd: "Crowd", workers: int) -> "Round":
    from bench.meter import Meter, Round  # noqa: PLC0415 -- models need settings

    with product.workers(workers, threads=THREADS) as running:
        meter = Meter.of(product, workers=running.pids, beat=[running.beat])
        began = time.monotonic()
        _wait_until_renewed(crowd)
        return Round(crowd.due, time.monotonic() - began, meter.used())


def _bare_round(product: Product, crowd: "Crowd", workers: int) -> "Round":
    from bench import bare_round  # noqa: PLC0415 -- models need settings
    from bench.renewal_data import bare_renewals  # noqa: PLC0415 -- the same

    sales = [asdict(renewal) for renewal in bare_renewals(crowd)]
    shares = [sales[n::workers] for n in range(workers)]
    return bare_round.run_scripts(
        product, "bench.bare_renewals", bare_round.urls_of(product), shares
    )


def _wait_until_renewed(crowd: "Crowd") -> None:
    from bench.renewal_data import BASE  # noqa: PLC0415 -- models need settings
    from outbox.models import Task  # noqa: PLC0415 -- the same
    from subscriptions.models import KIND, Period  # noqa: PLC0415 -- the same
    from subscriptions.states import PeriodState  # noqa: PLC0415 -- the same

    done, deadline = 0, time.monotonic() + PATIENCE
    # Their keys come after those of the first months.
    second = Period.objects.filter(pk__gte=2 * BASE, state=PeriodState.PAID)
    # Other tasks wait for a later time, such as a message for the morning.
    open_tasks = Task.objects.filter(closed_at=None, kind=KIND)
    while done < crowd.due or open_tasks.exists():
        found = second.count()
        if found > done:
            done, deadline = found, time.monotonic() + PATIENCE
            print(f"{done} renewed", file=sys.stderr, flush=True)
        if time.monotonic() > deadline:
            raise TimeoutError(f"{done} of {crowd.due} plans were renewed")
        time.sleep(1)


def lateness() -> list[float]:
    """Return for each renewed plan, in seconds, how long after its bound it was charged."""
    from payments.models import Payment  # noqa: PLC0415 -- models need settings

    charged = Payment.objects.filter(captured_at__isnull=False)
    times = charged.values_list("captured_at", "attempt__period__starts_at")
    return [(at - due).total_seconds() for at, due in times if at and due]


def _report(crowd: "Crowd", late: list[float], portal: "Round", bare: "Round") -> None:
    own, least = portal.each("workers", "beat"), bare.each("bare")
    print(f"plans: {crowd.running} running, {crowd.ended} ended, {crowd.due} due")
    print(f"renewals a second: {portal.per_second:.1f}, bare {bare.per_second:.1f}")
    print(f"CPU ms a renewal: {own:.1f}, bare {least:.1f}, ratio {own / least:.2f}")
    print(f"PostgreSQL ms: {portal.each('PostgreSQL'):.1f}, bare {bare.each('PostgreSQL'):.1f}")
    print(f"seconds late: median {late[49]:.1f}, 99 of 100 within {late[98]:.1f}")


if __name__ == "__main__":
    sys.exit(main())
