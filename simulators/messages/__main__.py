"""Command line of the message simulator."""

from simulators.fault_kinds import KINDS, describe
from simulators.faults import Faults
from simulators.messages.books import SCHEMA, Books
from simulators.messages.server import FUNCTIONS, MessageServer
from simulators.process import argument_parser, serve
from simulators.store import Store

DESCRIPTION = f"""\
Simulates a gateway for SMS and mail: what reaches the customer's phone and mailbox. JSON over HTTP.

  POST   /messages  {{"id", "to", "subject", "text", "language"}}: deliver a message; a second one
                    with the same id changes nothing
  GET    /books     list what was delivered, newest first, and the calls
  POST   /faults    {{"function": "send" or "*", "fault": "...", "times": 1}}; GET lists the faults,
                    DELETE clears them
  POST   /reset     empty the books and clear the faults
  GET    /healthz

A fault may also have "seconds", "status", "retryAfter" and a "probability" from 0 to 1:

{describe(KINDS)}
"""


def main() -> None:
    parser = argument_parser("simulators.messages", DESCRIPTION)
    parser.add_argument(
        "--dead-prefix",
        action="append",
        default=[],
        metavar="TEXT",
        help="refuse addresses that begin with this text; may be given several times",
    )
    options = parser.parse_args()
    store = Store(options.store, SCHEMA)
    faults = Faults(dict.fromkeys(FUNCTIONS, KINDS), options.seed)
    prefixes = tuple(options.dead_prefix)
    server = MessageServer(Books(store), faults, options.delay, prefixes)
    serve("message simulator", options, server.routes(), store)


if __name__ == "__main__":
    main()
