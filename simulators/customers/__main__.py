"""Command line of the customer system's simulator."""

from simulators.customers.books import SCHEMA, Books
from simulators.customers.lines import LINES
from simulators.customers.server import CUSTOMER_KINDS, FUNCTIONS, CustomerServer
from simulators.fault_kinds import describe
from simulators.faults import Faults
from simulators.process import argument_parser, serve
from simulators.store import Store

LISTED = "\n".join(
    f"  {reference:<10} {line['number']}  {line['billCode']}" for reference, line in LINES.items()
)
DESCRIPTION = f"""\
Simulates an operator's customer system: lines with their SIMs, plans and balances. JSON over HTTP.
Each request has the header Idempotency-Key.

  POST   /lines/find             {{"number", "billCode"}}, one or both: find a line
  POST   /lines/LINE/balance     what is on the line
  POST   /lines/LINE/may-attach  {{"iccid"}}; also attach and detach
  POST   /lines/LINE/cancel      {{"plan"}}; also undo, and change with "newPlan"
  PUT    /books/lines/LINE       change fields of a line, or add one; DELETE removes it
  GET    /books                  list the lines and the calls
  POST   /faults                 {{"function": "find", ... or "*", "fault": "...", "times": 1}};
                                 GET lists the faults, DELETE clears them
  POST   /reset                  begin again with the first lines, without faults
  GET    /healthz

The first lines, with number and bill code:

{LISTED}

A fault may also have "seconds", "status", "retryAfter" and a "probability" from 0 to 1:

{describe(CUSTOMER_KINDS)}
"""


def main() -> None:
    options = argument_parser("simulators.customers", DESCRIPTION).parse_args()
    store = Store(options.store, SCHEMA)
    faults = Faults(dict.fromkeys(FUNCTIONS, CUSTOMER_KINDS), options.seed)
    server = CustomerServer(Books(store), faults, options.delay)
    serve("customer system simulator", options, server.routes(), store)


if __name__ == "__main__":
    main()
