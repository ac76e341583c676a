"""Command line of the network simulator."""

from simulators.fault_kinds import KINDS, describe
from simulators.faults import Faults
from simulators.network.books import SCHEMA, Books
from simulators.network.server import FUNCTIONS, NetworkServer
from simulators.process import argument_parser, serve
from simulators.store import Store

DESCRIPTION = f"""\
Simulates an operator's network: which plan is active on which SIMs. JSON over HTTP.

  PUT    /subscriptions/REFERENCE/sims/ICCID
                                   {{"sequence": 1, "active": true, "plan", "imsi", "msisdn"}}:
                                   activate the plan on this SIM, beside its other SIMs;
                                   {{"sequence": 2, "active": false}}: deactivate it on this SIM;
                                   for each SIM a PUT with a lower sequence changes nothing
  DELETE /subscriptions/REFERENCE  end the plan for ever; a later PUT is refused with 409
  GET    /subscriptions/REFERENCE  show the plan
  PUT    /ways/ICCID/SEQUENCE      {{"minutes": 10, "megabytes": 5}}: let the SIM reach any host;
                                   a SIM has one way out, and the highest sequence counts
  DELETE /ways/ICCID/SEQUENCE      close this way and all older ones for ever
  GET    /ways/ICCID               show whether a way is open, and what is left of it
  POST   /ways/ICCID/traffic       {{"bytes"}}: the SIM reaches a host through its way
  POST   /usage                    {{"iccid", "bytes"}}: an active SIM uses data; optional are
                                   "country" (US), "usedAt" (now) and "id"
  GET    /usage?after=N&limit=N    {{"records": [...], "cursor": "N", "more": false}}
  GET    /books                    list the services and the calls
  POST   /faults                   {{"function": "activate", "deactivate", "end", "usage",
                                   "open_way", "close_way" or "*", "fault": "...",
                                   "times": 1}}; GET lists the faults, DELETE clears them
  POST   /reset                    empty the books and clear the faults
  GET    /healthz

A fault may also have "seconds", "status", "retryAfter" and a "probability" from 0 to 1:

{describe(KINDS)}
"""


def main() -> None:
    parser = argument_parser("simulators.network", DESCRIPTION)
    parser.add_argument(
        "--foreign-prefix",
        action="append",
        default=[],
        metavar="DIGITS",
        help="refuse ICCIDs that begin with these digits; may be given several times",
    )
    options = parser.parse_args()
    store = Store(options.store, SCHEMA)
    faults = Faults(dict.fromkeys(FUNCTIONS, KINDS), options.seed)
    prefixes = tuple(options.foreign_prefix)
    server = NetworkServer(Books(store), faults, options.delay, prefixes)
    serve("network simulator", options, server.routes(), store)


if __name__ == "__main__":
    main()
