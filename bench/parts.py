"""`python -m bench.parts`: where Get Balance's own CPU time goes, by the profiler.

The portal answers in this process, without granian. Told is each part's share of the CPU time of
an answer; what C functions take counts for the part that called them. The profiler makes many
small calls dearer than few large ones.
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
from typing import Any

from bench.machines import surroundings
from bench.sims import PREFIX
from moportal.identifiers import Iccid

SIMS, WARM_UP = 10_000, 200
# The first that a file's path contains.
PARTS = (
    ("/psycopg", "psycopg: send the statement, read its rows"),
    ("/rest_framework/", "Django REST framework"),
    ("/django/db/", "Django: its connection"),
    ("/django/", "Django: request, routes, response"),
    ("/balance_api/statement", "balance_api: the statement"),
    ("/balance_api/", "balance_api"),
    ("/subscriptions/", "subscriptions: the balance rule"),
    ("/moportal/", "moportal: certificate, identifiers, errors"),
    ("/json/", "JSON"),
)
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Where = tuple[str, int, str]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.parts", description=__doc__)
    parser.add_argument("--requests", type=int, default=3000, help="(%(default)s)")
    options = parser.parse_args()
    with surroundings() as around:
        around.table.grow(SIMS)
        from moportal.wsgi import application  # noqa: PLC0415 -- it needs settings

        asked = _requests(around.headers())
        for _ in range(WARM_UP):
            _ask(application, next(asked))
        waiting = [next(asked) for _ in range(options.requests)]
        began = time.process_time()
        for one in waiting:
            _ask(application, one)
        each = 1e6 * (time.process_time() - began) / options.requests
        # Time that passes while PostgreSQL works is not ours.
        profile = cProfile.Profile(time.process_time)
        waiting = [next(asked) for _ in range(options.requests)]
        profile.enable()
        for one in waiting:
            _ask(application, one)
        profile.disable()
    print(f"{each:.0f} µs of CPU an answer, without the profiler\n")
    print(_table(_shares(pstats.Stats(profile)), each))
    return 0


def _requests(headers: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Give a WSGI environment a request, as granian makes it."""
    named = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
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
            **named,
            "HTTP_X_MS_DM_TRANSACTIONID": uuid.uuid4().hex,
        }


def _ask(application: Application, environ: dict[str, Any]) -> None:
    def start(status: str, _headers: object) -> None:
        if status != "200 OK":
            raise ValueError(status)

    answer = application(environ, start)
    for _chunk in answer:
        pass
    if hasattr(answer, "close"):  # there Django ends the request
        answer.close()


def _shares(stats: pstats.Stats) -> Counter[str]:
    found: Counter[str] = Counter()
    for where, (_calls, _all, own, _total, callers) in stats.stats.items():  # type: ignore[attr-defined]  # documented in the source alone
        if where[0] == "~" and callers:
            for caller, times in callers.items():
                found[_part(caller)] += times[2]
        else:
            found[_part(where)] += own
    return found


def _part(where: Where) -> str:
    return next((name for part, name in PARTS if part in where[0]), "the rest of Python")


def _table(shares: Counter[str], each: float) -> str:
    total = sum(shares.values())
    rows = ["| part | share | µs |", "| --- | --- | --- |"]
    rows += [
        f"| {name} | {100 * own / total:.0f} % | {each * own / total:.0f} |"
        for name, own in shares.most_common()
    ]
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
