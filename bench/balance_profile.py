"""`python -m bench.balance_profile`: where the CPU time of Get Balance goes, by the profiler.

The portal answers in this process, without granian. The result is each part's share of
the CPU time of an answer. The time of a C function counts for the part that called it.
The profiler makes many small calls look more expensive than a few large ones.
"""

import argparse
import cProfile
import io
import pstats
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from bench.balance_environment import balance_environment
from bench.sim_tables import PREFIX
from moportal.identifiers import Iccid

SIMS, WARM_UP = 10_000, 200
# The first match in a file's path decides.
PARTS = (
    ("/psycopg", "psycopg: send the statement, read its rows"),
    ("/rest_framework/", "Django REST framework"),
    ("/django/db/", "Django: its connection"),
    ("/django/", "Django: request, routes, response"),
    ("/moportal/database/prepared", "moportal: the prepared statement"),
    ("/subscriptions/usable_buckets", "subscriptions: the statement's rows"),
    ("/balance_api/", "balance_api"),
    ("/subscriptions/", "subscriptions: the balance rule"),
    ("/moportal/", "moportal: certificate, identifiers, errors"),
    ("/json/", "JSON"),
)
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Where = tuple[str, int, str]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.balance_profile", description=__doc__)
    parser.add_argument("--requests", type=int, default=3000, help="(%(default)s)")
    options = parser.parse_args()
    with balance_environment() as environment:
        environment.tables.grow(SIMS)
        from moportal.wsgi import application  # noqa: PLC0415 -- needs settings

        requests = _requests(environment.headers())
        _send_each(application, list(islice(requests, WARM_UP)))

        waiting = list(islice(requests, options.requests))
        began = time.process_time()
        _send_each(application, waiting)
        micros_each = 1e6 * (time.process_time() - began) / options.requests

        # Count CPU time only, so that the time spent waiting for PostgreSQL is left out.
        profile = cProfile.Profile(time.process_time)
        waiting = list(islice(requests, options.requests))
        profile.runcall(_send_each, application, waiting)
    print(f"{micros_each:.0f} µs of CPU an answer, without the profiler\n")
    print(_table(_shares(pstats.Stats(profile)), micros_each))
    return 0


def _requests(headers: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Yield a WSGI environment for each request, like granian's."""
    variables = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    serial = 0
    while True:
        serial = serial % SIMS + 1
        yield {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": f"/v1/sims/{Iccid.numbered(PREFIX, serial)}/balances",
            "QUERY_STRING": "fieldsTemplate=basic",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": sys.stderr,
            **variables,
            "HTTP_X_MS_DM_TRANSACTIONID": uuid.uuid4().hex,
        }


def _send_each(application: Application, waiting: list[dict[str, Any]]) -> None:
    for environ in waiting:
        _send(application, environ)


def _send(application: Application, environ: dict[str, Any]) -> None:
    def start(status: str, _headers: object) -> None:
        if status != "200 OK":
            raise ValueError(status)

    answer = application(environ, start)
    for _chunk in answer:
        pass
    if hasattr(answer, "close"):  # Django ends the request in close()
        answer.close()


def _shares(stats: pstats.Stats) -> Counter[str]:
    found: Counter[str] = Counter()
    for where, (_calls, _all, own, _total, callers) in stats.stats.items():  # type: ignore[attr-defined]  # documented in its source only
        # A C function has "~" for a file. Its time counts for
        # the functions that called it.
        if where[0] == "~" and callers:
            for caller, times in callers.items():
                found[_part(caller)] += times[2]
        else:
            found[_part(where)] += own
    return found


def _part(where: Where) -> str:
    return next((name for part, name in PARTS if part in where[0]), "the rest of Python")


def _table(shares: Counter[str], micros_each: float) -> str:
    total = sum(shares.values())
    rows = ["| part | share | µs |", "| --- | --- | --- |"]
    rows += [
        f"| {name} | {100 * own / total:.0f} % | {micros_each * own / total:.0f} |"
        for name, own in shares.most_common()
    ]
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
