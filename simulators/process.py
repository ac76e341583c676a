"""What every simulator's command line and life have in common."""

import argparse
import signal
import ssl
import sys
from types import FrameType
from urllib.parse import urlsplit

from simulators.http import Route
from simulators.serving import Server
from simulators.store import MEMORY, Store

LONGEST_DELAY = 600


def argument_parser(module: str, description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m {module}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument(
        "--port", type=int, required=True, help="port to listen on; 0 takes a free one"
    )
    parser.add_argument(
        "--store",
        default=MEMORY,
        metavar="FILE.sqlite3",
        help="keep the books in this file, through restarts (without it: in memory)",
    )
    parser.add_argument(
        "--delay",
        type=_seconds,
        default=0.0,
        metavar="SECONDS",
        help="let every function of the protocol take this long (%(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        metavar="NUMBER",
        help="let faults with a probability fall the same way each time",
    )
    return parser


def parse_web_address(text: str) -> str:
    """Read an http(s) address from the command line; a slash at its end is dropped."""
    if not text:
        return text
    address = urlsplit(text)
    if address.scheme not in {"http", "https"} or not address.hostname:
        raise argparse.ArgumentTypeError(f"{text!r} is not an http or https address")
    return text.rstrip("/")


def serve(
    name: str,
    options: argparse.Namespace,
    routes: list[Route],
    store: Store,
    context: ssl.SSLContext | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, then stop at once and close the books."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    try:
        server = Server(options.host, options.port, routes, context)
    except (OSError, OverflowError) as error:
        sys.exit(f"{name}: cannot listen on {options.host}:{options.port}: {error}")
    print(f"{name}: listening on {server.url}", flush=True)
    try:
        server.serve_forever()
    finally:
        server.server_close()
        store.close()


def _stop(number: int, frame: FrameType | None) -> None:
    # Ctrl-C reaches a process twice, from the terminal and from a supervisor: once is enough.
    for known in (signal.SIGTERM, signal.SIGINT):
        signal.signal(known, signal.SIG_IGN)
    raise SystemExit(0)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= LONGEST_DELAY:
        raise argparse.ArgumentTypeError(f"a delay is between 0 and {LONGEST_DELAY} seconds")
    return seconds
