"""Command line of the network simulator."""

from simulators import faults
from simulators.network.books import SCHEMA, Books
from simulators.network.server import NetworkServer
from simulators.process import argument_parser, serve
from simulators.store import Store

DESCRIPTION = f"""\
The network side of an operator: which plan is live on which SIM. JSON over HTTP.

  PUT    /subscriptions/REFERENCE  {{"sequence": 1, "plan", "iccid", "imsi", "msisdn"}}: it is live
                                   from now on; of two the higher sequence counts
  DELETE /subscriptions/REFERENCE  it is ended, for good: a later PUT is refused with 409
  GET    /subscriptions/REFERENCE
  GET    /books                    services and calls
  POST   /faults                   {{"function": "activate", "end" or "*", "fault": "...",
                                   "times": 1, "seconds": 1}}; GET lists, DELETE clears
  POST   /reset                    empties books and faults
  GET    /healthz

{faults.__doc__}
wrong_iccid is for the SM-DP+ simulator alone.
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
    server = NetworkServer(Books(store), options.delay, tuple(options.foreign_prefix))
    serve("network simulator", options, server.routes(), store)


if __name__ == "__main__":
    main()
