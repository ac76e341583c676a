"""The command line and the serving loop that every simulator shares."""

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
        "--port", type=int, required=True, help="port to listen on; 0 chooses a free port"
    )
    parser.add_argument(
        "--store",
        default=MEMORY,
        metavar="FILE.sqlite3",
        help="keep the books in this file across restarts (default: in memory)",
    )
    parser.add_argument(
        "--delay",
        type=_seconds,
        default=0.0,
        metavar="SECONDS",
        help="delay every function of the protocol by this time (%(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        metavar="NUMBER",
        help="make faults with a probability repeatable",
    )
    return parser


def parse_web_address(text: str) -> str:
    """Return an http or https address from the command line without the slash at its end."""
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
    """Serve until SIGTERM or SIGINT, then stop at once and close the store."""
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
    # Ctrl-C may reach a process twice, from the terminal and from a supervisor.
    for known in (signal.SIGTERM, signal.SIGINT):
        signal.signal(known, signal.SIG_IGN)
    raise SystemExit(0)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= LONGEST_DELAY:
        raise argparse.ArgumentTypeError(f"a delay is between 0 and {LONGEST_DELAY} seconds")
    return seconds
