"""`python -m bench.guessing`: thousands of guesses at one account, and its owner who signs in.

The portal's face runs as in production, in one process, on throwaway services. First it compares
how long known and unknown identifiers take. Then it reads pages while the owner signs in within a
known browser and recovers the account: at first nobody else is there, then strangers guess from the
owner's own address, or from ten thousand addresses. The run fails if a limit of the table is
missed.
"""

import argparse
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median

from bench.browsers import Browser
from bench.guessing_crowd import OWN_ADDRESS, PASSWORD, SESSION, Customer, Honest, Reader, repeat
from bench.guessing_server import FILES, GUESS, count_compared
from bench.product import Product, loaded_product
from demo.parts import ROOT

PARTS = ("times", "own address", "many addresses")
# What the run must keep.
MOST_APART, MOST_COMPARED, SLOWEST_PAGES = 1.10, 10, 1.5
# Seconds between two sign-ins, and between two recoveries, of the owner.
HONEST_EVERY = 1.0
# A locked identifier is answered quickly, so the run asks for many more pairs.
LOCKED_PAIRS = 300


@dataclass(frozen=True)
class Line:
    """One row of the report: what was measured, and whether it is within its limit."""

    what: str
    found: str
    limit: str
    is_kept: bool


@dataclass
class Bench:
    """The running portal, and what the rows of the report need."""

    port: int
    folder: Path
    options: argparse.Namespace
    mailbox: str
    lines: list[Line] = field(default_factory=list)

    def note(self, what: str, found: str, limit: str = "", *, is_kept: bool = True) -> None:
        self.lines.append(Line(what, found, limit, is_kept))
        print(self.lines[-1], file=sys.stderr, flush=True)


def main() -> int:
    options = _options()
    with loaded_product("own.log") as product:
        bench = _measure(product, product.copy.folder, options)
    print(_table(bench.lines))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        result = [vars(line) for line in bench.lines]
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0 if all(line.is_kept for line in bench.lines) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.guessing", description=__doc__)
    parser.add_argument("--pairs", type=int, default=40, help="pairs of answer times (%(default)s)")
    parser.add_argument("--guesses", type=int, default=10_000, help="of each kind (%(default)s)")
    parser.add_argument("--rate", type=float, default=40, help="guesses a second (%(default)s)")
    parser.add_argument(
        "--honest", type=int, default=250, help="sign-ins and recoveries of each kind (%(default)s)"
    )
    parser.add_argument("--calm", type=int, default=40, help="of these without guesses")
    parser.add_argument("--only", action="append", choices=PARTS, help="measure only this part")
    parser.add_argument("--json", type=Path, help="write the report to this file")
    return parser.parse_args()


def _measure(product: Product, folder: Path, options: argparse.Namespace) -> Bench:
    compared = folder / "compared"
    compared.mkdir()
    for name in FILES:
        (compared / name).touch()
    product.environment |= {
        "CLIENT_ADDRESS_HEADER": "X-Forwarded-For",
        "BENCH_COMPARED": str(compared),
        # The owner comes back more often than an hour's limits allow.
        "CODE_LIMIT": "0",
        "MAILS_PER_HOUR": "0",
    }
    with (
        product.portal("bench.guessing_server") as port,
        product.workers(1, threads=2),
    ):
        bench = Bench(port, compared, options, product.copy.message_url)
        for part in options.only or PARTS:
            if part == "times":
                _compare_times(bench)
            else:
                _attack(bench, part)
    return bench


def _compare_times(bench: Bench) -> None:
    """Compare how long known and unknown identifiers take, from ever new networks."""
    from bench import guessing_data  # noqa: PLC0415 -- models need settings

    known = guessing_data.create_customers(bench.options.pairs, PASSWORD)
    pairs = [(username, f"nobody{number}@example.com") for number, username in enumerate(known)]
    guess = {"password": f"{GUESS}0"}
    _compare(bench, "sign-in", pairs, "/sign-in/", guess)
    wrong_code = {"code": "BCDF-GHJK-MNPQ-RSTV", "new": PASSWORD}
    _compare(bench, "recovery", pairs, "/recover/", wrong_code)
    guessing_data.prove(known)
    _compare(bench, "asking for a code", pairs * 8, "/recover/code/", {})
    browser = Browser(bench.port, "203.0.113.1")
    for typed in pairs[0]:
        for number in range(MOST_COMPARED):
            browser.post("/sign-in/", username=typed, password=f"{GUESS}{number}")
    browser.close()
    _compare(bench, "locked sign-in", pairs[:1] * LOCKED_PAIRS, "/sign-in/", guess)


def _compare(
    bench: Bench, what: str, pairs: list[tuple[str, str]], page: str, fields: dict[str, str]
) -> None:
    """Send the form for the known and the unknown identifier of each pair."""
    browser = Browser(bench.port, "")
    found: tuple[list[float], list[float]] = ([], [])
    for number, pair in enumerate(pairs):
        # Each of the two is first as often as the other.
        for which in (0, 1) if number % 2 else (1, 0):
            browser.address = f"203.{number % 200}.{number // 200}.1"
            found[which].append(browser.post(page, username=pair[which], **fields).seconds)
    browser.close()
    medians = [median(seconds) for seconds in found]
    apart = max(medians) / min(medians)
    bench.note(
        f"{what}: known and unknown identifiers, medians in ms",
        ", ".join(f"{1000 * seconds:.1f}" for seconds in medians),
        f"{MOST_APART:.2f} times; found {apart:.2f}",
        is_kept=apart <= MOST_APART,
    )


def _attack(bench: Bench, part: str) -> None:
    from bench import guessing_data  # noqa: PLC0415 -- models need settings

    username, code = guessing_data.create_owner(part, PASSWORD)
    renew = partial(guessing_data.renew_code, username)
    owner = Customer(bench.port, username, code, renew, bench.mailbox)
    owner.come_for_the_first_time()
    guesses_before, _others = count_compared(bench.folder)
    pages: dict[str, dict[str, list[float]]] = {}

    with _reading(bench, username) as pages["calm"]:
        _come_and_go(owner, bench.options.calm)
    with _reading(bench, username) as pages["attacked"], _guessing(bench, username, part) as attack:
        honest = _come_and_go(owner, bench.options.honest)
        statuses = attack()

    compared = count_compared(bench.folder)[0] - guesses_before
    _report_honest(bench, part, honest)
    bench.note(f"{part}: guesses, by the answer's status", str(statuses))
    bench.note(
        f"{part}: guesses compared",
        str(compared),
        f"{MOST_COMPARED} an hour",
        is_kept=compared <= MOST_COMPARED,
    )
    _report_pages(bench, part, pages)


@contextmanager
def _reading(bench: Bench, username: str) -> Iterator[dict[str, list[float]]]:
    """Read pages within the context. The mapping is filled when it ends."""
    from bench import guessing_data  # noqa: PLC0415 -- models need settings

    browser = Browser(bench.port, OWN_ADDRESS)
    reader_name = guessing_data.create_customers(1, PASSWORD)[0]
    browser.post("/sign-in/", username=reader_name, password=PASSWORD)
    reader, over = Reader(bench.port, browser.cookies[SESSION]), threading.Event()
    browser.close()
    thread = threading.Thread(target=reader.read, args=(over,))
    thread.start()
    try:
        yield reader.seconds
    finally:
        over.set()
        thread.join()


@contextmanager
def _guessing(bench: Bench, username: str, part: str) -> Iterator[Callable[[], dict[str, int]]]:
    """Guess in another process. The function that is yielded waits for its end."""
    plan = {
        "port": bench.port,
        "username": username,
        "guesses": bench.options.guesses,
        "rate": bench.options.rate,
        "is_spread": part == "many addresses",
    }
    said = bench.folder / "statuses"
    with said.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.guessing_attack", json.dumps(plan)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=file,
        )

    def wait() -> dict[str, int]:
        process.wait()
        statuses: dict[str, int] = json.loads(said.read_text(encoding="utf-8"))
        return statuses

    try:
        yield wait
    finally:
        process.terminate()
        process.wait()


def _come_and_go(owner: Customer, times: int) -> dict[str, Honest]:
    """Let the owner sign in and recover so often, in two threads."""
    found = {"sign-ins by a known browser": Honest(), "recoveries by proof": Honest()}
    acts = (owner.sign_in, owner.recover)
    threads = [
        threading.Thread(
            target=repeat, args=(partial(act, honest), times), kwargs={"each": HONEST_EVERY}
        )
        for act, honest in zip(acts, found.values(), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def _report_honest(bench: Bench, part: str, found: dict[str, Honest]) -> None:
    wanted = bench.options.honest
    for name, honest in found.items():
        seconds = f"median {1000 * median(honest.seconds or [0]):.0f} ms"
        bench.note(
            f"{part}: {name}",
            f"{honest.came_in} in, {honest.repeated} answers 503, {seconds} {honest.wrong[:3]}",
            f"all {wanted} in",
            is_kept=honest.came_in == wanted,
        )


def _report_pages(bench: Bench, part: str, pages: dict[str, dict[str, list[float]]]) -> None:
    for page, attacked in pages["attacked"].items():
        before, after = median(pages["calm"][page]), median(attacked)
        bench.note(
            f"{part}: {page}, medians in ms, without and with guesses",
            f"{1000 * before:.1f}, {1000 * after:.1f}",
            f"{SLOWEST_PAGES} times; found {after / before:.2f}",
            is_kept=after / before <= SLOWEST_PAGES,
        )


def _table(lines: list[Line]) -> str:
    head = ["what", "found", "limit", "kept"]
    rows: list[list[str]] = [head, ["---"] * len(head)]
    rows += [[row.what, row.found, row.limit, "yes" if row.is_kept else "NO"] for row in lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    sys.exit(main())
