"""Command line of the billing simulator."""

from simulators.carrier_billing.books import SCHEMA, Books
from simulators.carrier_billing.presets import describe_endings
from simulators.carrier_billing.server import FUNCTIONS, BillingServer
from simulators.fault_kinds import KINDS, describe
from simulators.faults import Faults
from simulators.process import argument_parser, serve
from simulators.store import Store

DESCRIPTION = f"""\
Simulates an operator's billing, in the form of CAMARA Carrier Billing and Carrier Billing Refund.
A repeated request with the same clientCorrelator gets the same payment or refund. Another request
with it gets 400. A reference that was used before gets 409.

  POST /carrier-billing/v0/payments/prepare
  POST /carrier-billing/v0/payments/ID/validate, /confirm, /cancel
  GET  /carrier-billing/v0/payments/ID
  GET  /carrier-billing/v0/payments     by time of creation and status, in pages
  POST /carrier-billing-refund/v0/payments/ID/refunds
  GET  /carrier-billing-refund/v0/payments/ID/refunds, /refunds/ID, /refunds/remaining-amount

A number's last four digits decide what is true of it. Any other number is charged:

{describe_endings()}

  GET  /                    the bills, and the codes that were sent
  GET  /validate/ID         the operator's own page for a number that confirms there
  GET  /books               payments and refunds
  GET  /exchanges           the latest requests and answers
  POST /payments/ID/lapse   let the time of the reservation be over now
  POST /payments/ID/decide  let what the billing does slowly be done now
  POST /refunds/ID/succeed, /deny
                            decide about the payment's refunds that are not decided
  POST /correlators/forget  forget every clientCorrelator, as a server does after some time
  POST /faults              {{"function": {", ".join(FUNCTIONS)} or "*", "fault": "...",
                            "times": 1}}; GET lists the faults, DELETE clears them
  POST /reset               empty the books and clear the faults
  GET  /healthz

A fault may also have "seconds", "status", "retryAfter" and a "probability" from 0 to 1:

{describe(KINDS)}
"""


def main() -> None:
    parser = argument_parser("simulators.carrier_billing", DESCRIPTION)
    parser.add_argument("--token", default="", help="the bearer token that the portal must have")
    options = parser.parse_args()
    store = Store(options.store, SCHEMA)
    faults = Faults(dict.fromkeys(FUNCTIONS, KINDS), options.seed)
    server = BillingServer(Books(store), faults, options.token, options.delay)
    serve("billing simulator", options, server.routes(), store)


if __name__ == "__main__":
    main()
