"""`python -m bench.provisioning --profiles 300 --rounds 3`, on throwaway services.

One thread makes profiles ready, one after another. Alternating with that, a bare loop sends the
same two requests with httpx and stores nothing. The results are profiles per second and the CPU
time of this process for each profile.
"""

import argparse
import json
import sys
import time
import uuid
from collections.abc import Callable
from statistics import median

import httpx

from bench.product import Product, loaded_product

EID = "89049032123451234512345678901235"
# Profiles before the measurement: they open connections and compose statements.
WARM_UP = 20
HEAD = (
    "profiles/s, portal",
    "profiles/s, bare",
    "CPU ms a profile, portal",
    "CPU ms a profile, bare",
    "ratio",
)
Times = tuple[float, float]


def main() -> int:
    options = _options()
    with loaded_product("provisioning.log") as product:
        rounds = [_round(product, options.profiles) for _ in range(options.rounds)]
    print(_table(rounds))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.provisioning", description=__doc__)
    parser.add_argument(
        "--profiles", type=int, default=300, help="profiles in a round (%(default)s)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each kind (%(default)s)")
    return parser.parse_args()


def _round(product: Product, profiles: int) -> tuple[Times, Times]:
    took = _portal(profiles), _bare(product, profiles)
    print(", ".join(f"{1 / each:.1f}/s {1000 * cpu:.2f} ms" for each, cpu in took), file=sys.stderr)
    return took


def _portal(profiles: int) -> Times:
    from bench import order_data  # noqa: PLC0415 -- models need settings
    from esim.domain import pool, provisioning  # noqa: PLC0415 -- the same

    order_data.create_sims(profiles + WARM_UP)
    reserved = [pool.intend(eid=EID, profile_type="consumer") for _ in range(profiles + WARM_UP)]

    def make_ready() -> None:
        # In the product, `before_call` extends the lease of the task. Here there is no task.
        provisioning.make_ready(reserved.pop(), before_call=lambda: None)

    return _timed(make_ready, profiles)


def _bare(product: Product, profiles: int) -> Times:
    from esim.es2plus.answers import JSON  # noqa: PLC0415 -- models need settings
    from esim.es2plus.client import PATH  # noqa: PLC0415 -- models need settings
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
            content = json.dumps({"header": header, **fields}, ensure_ascii=False).encode()
            url = product.copy.smdp_url + PATH + function
            answer = client.post(url, content=content, headers=headers).raise_for_status().json()
            if answer["header"]["functionExecutionStatus"]["status"] != "Executed-Success":
                raise ValueError(answer)

        def make_ready() -> None:
            profile = {"eid": EID, "iccid": iccids.pop()}
            send("downloadOrder", {**profile, "profileType": "consumer"})
            send("confirmOrder", {**profile, "matchingId": new_matching_id(), "releaseFlag": True})

        return _timed(make_ready, profiles)


def _timed(make_ready: Callable[[], None], profiles: int) -> Times:
    """Return the seconds and the CPU seconds for each profile, after the warm-up."""
    for _ in range(WARM_UP):
        make_ready()
    began, used = time.perf_counter(), time.process_time()
    for _ in range(profiles):
        make_ready()
    return (time.perf_counter() - began) / profiles, (time.process_time() - used) / profiles


def _table(rounds: list[tuple[Times, Times]]) -> str:
    portal, bare = zip(*rounds, strict=True)
    portal_cpu, bare_cpu = median(cpu for _, cpu in portal), median(cpu for _, cpu in bare)
    values = (
        1 / median(each for each, _ in portal),
        1 / median(each for each, _ in bare),
        1000 * portal_cpu,
        1000 * bare_cpu,
        portal_cpu / bare_cpu,
    )
    rows = [HEAD, ("---",) * len(HEAD), tuple(f"{value:.2f}" for value in values)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    sys.exit(main())
