"""Command line of the network simulator."""

from simulators.fault_kinds import KINDS, describe
from simulators.faults import Faults
from simulators.network.books import SCHEMA, Books
from simulators.network.server import FUNCTIONS, NetworkServer
from simulators.process import argument_parser, serve
from simulators.store import Store

DESCRIPTION = f"""\
The network side of an operator: which plan is live on which SIM. JSON over HTTP.

  PUT    /subscriptions/REFERENCE  {{"sequence": 1, "plan", "iccid", "imsi", "msisdn"}}: it is live
                                   from now on; of two the higher sequence counts
  DELETE /subscriptions/REFERENCE  it is ended, for good: a later PUT is refused with 409
  GET    /subscriptions/REFERENCE
  POST   /usage                    {{"iccid", "bytes"}}: a SIM that is live uses data; "country",
                                   "usedAt" and "id" too where it was not in the US, now
  GET    /usage?after=N&limit=N    {{"records": [...], "cursor": "N", "more": false}}
  GET    /books                    services and calls
  POST   /faults                   {{"function": "activate", "end", "usage" or "*", "fault": "...",
                                   "times": 1, "seconds": 1}}; GET lists, DELETE clears
  POST   /reset                    empties books and faults
  GET    /healthz

A fault may say "seconds", "status" and "retryAfter" too, and a "probability" from 0 to 1:

{describe(KINDS)}
"""


def main() -> None:
    parser = argument_parser("simulators.network", DESCRIPTION)
    parser.add_argument(
        "--foreign-prefix",
        action="append",
        default=[],
        metavar="DIGITS",
        help="ICCIDs that begin so are refused; may be given several times",
    )
    options = parser.parse_args()
    store = Store(options.store, SCHEMA)
    faults = Faults(dict.fromkeys(FUNCTIONS, KINDS), options.seed)
    prefixes = tuple(options.foreign_prefix)
    server = NetworkServer(Books(store), faults, options.delay, prefixes)
    serve("network simulator", options, server.routes(), store)


if __name__ == "__main__":
    main()
