"""`python -m bench.provisioning --profiles 300 --rounds 3`, on throwaway services.

One worker's thread makes profiles ready, one after another; in turn with it a bare loop sends the
same two requests with httpx and stores nothing. Told are profiles a second, and the CPU time of
this process for each, which is all that differs between the two.
"""

import argparse
import json
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from statistics import median

import httpx

from bench.house import House
from bench.orders import become_the_portal
from tests.stack import make_copy

EID = "89049032123451234512345678901235"
# So many before it counts: connections are opened, statements composed.
WARM_UP = 20
HEAD = (
    "profiles/s, portal",
    "profiles/s, bare",
    "CPU ms a profile, portal",
    "CPU ms a profile, bare",
    "ratio",
)
Took = tuple[float, float]


def main() -> int:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        house = House(make_copy("postgresql", Path(folder)))
        try:
            house.prepare()
            with (house.copy.folder / "provisioning.log").open("w", encoding="utf-8") as log:
                become_the_portal(house, log)
                rounds = [_round(house, options.profiles) for _ in range(options.rounds)]
        finally:
            house.close()
    print(_table(rounds))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.provisioning", description=__doc__)
    parser.add_argument("--profiles", type=int, default=300, help="a round (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="of each kind (%(default)s)")
    return parser.parse_args()


def _round(house: House, profiles: int) -> tuple[Took, Took]:
    took = _portal(profiles), _bare(house, profiles)
    print(", ".join(f"{1 / each:.1f}/s {1000 * cpu:.2f} ms" for each, cpu in took), file=sys.stderr)
    return took


def _portal(profiles: int) -> Took:
    from bench import stock  # noqa: PLC0415 -- models need settings
    from esim.domain import pool, provisioning  # noqa: PLC0415 -- the same

    stock.sims(profiles + WARM_UP)
    intended = [pool.intend(eid=EID, profile_type="consumer") for _ in range(profiles + WARM_UP)]

    def make_ready() -> None:
        provisioning.make_ready(intended.pop(), before_call=lambda: None)

    return _timed(make_ready, profiles)


def _bare(house: House, profiles: int) -> Took:
    from esim.es2plus.client import JSON, PATH  # noqa: PLC0415 -- models need settings
    from moportal.identifiers import Iccid, new_matching_id  # noqa: PLC0415 -- with it

    headers = {"Content-Type": JSON, "X-Admin-Protocol": "gsma/rsp/v2.2.0"}
    first = uuid.uuid4().int % 10**9
    iccids = [Iccid.numbered("8944777", first + n) for n in range(profiles + WARM_UP)]
    with httpx.Client(trust_env=False) as client:

        def send(function: str, fields: dict[str, object]) -> None:
            header = {
                "functionRequesterIdentifier": "2.999.10",
                "functionCallIdentifier": str(uuid.uuid4()),
            }
            said = json.dumps({"header": header, **fields}, ensure_ascii=False).encode()
            url = house.copy.smdp_url + PATH + function
            answer = client.post(url, content=said, headers=headers).raise_for_status().json()
            if answer["header"]["functionExecutionStatus"]["status"] != "Executed-Success":
                raise ValueError(answer)

        def make_ready() -> None:
            named = {"eid": EID, "iccid": iccids.pop()}
            send("downloadOrder", {**named, "profileType": "consumer"})
            send("confirmOrder", {**named, "matchingId": new_matching_id(), "releaseFlag": True})

        return _timed(make_ready, profiles)


def _timed(make_ready: Callable[[], None], profiles: int) -> Took:
    """Return the seconds and the CPU seconds of each, after the first ones."""
    for _ in range(WARM_UP):
        make_ready()
    began, used = time.perf_counter(), time.process_time()
    for _ in range(profiles):
        make_ready()
    return (time.perf_counter() - began) / profiles, (time.process_time() - used) / profiles


def _table(rounds: list[tuple[Took, Took]]) -> str:
    portal, bare = zip(*rounds, strict=True)
    ours, theirs = median(cpu for _, cpu in portal), median(cpu for _, cpu in bare)
    values = (
        1 / median(each for each, _ in portal),
        1 / median(each for each, _ in bare),
        1000 * ours,
        1000 * theirs,
        ours / theirs,
    )
    rows = [HEAD, ("---",) * len(HEAD), tuple(f"{value:.2f}" for value in values)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    sys.exit(main())
