"""Command line of the voucher simulator."""

import argparse

from simulators.fault_kinds import KINDS, describe
from simulators.faults import Faults
from simulators.process import argument_parser, serve
from simulators.store import Store
from simulators.vouchers import desk
from simulators.vouchers.books import SCHEMA, Books
from simulators.vouchers.server import FUNCTIONS, VoucherServer

DESCRIPTION = f"""\
Simulates an operator's voucher server. JSON over HTTP. Every POST of the protocol has an
Idempotency-Key header: the same request with the same key gets the stored answer, another request
gets 409. A 404 with unknown_reservation is about that reservation. Any other 404 means that this
address is none of the protocol.

  POST /reservations      {{"code", "amount": minor units, "currency", "reference"}}: reserved until
                          expires_at (Unix time), or refused with a reason: unknown_code, blocked,
                          expired, used_up, other_currency, too_small or in_use
  POST /reservations/ID/redeem, /cancel
  POST /reservations/ID/returns  {{"amount"}}: back onto the voucher, unless it is closed by then
  GET  /reservations/ID   reserved, refused, redeemed, cancelled or returned
  GET  /reservations?key=KEY
                          reservations made with this Idempotency-Key, if the answer was lost
  GET  /reservations/ID/returns?key=KEY

  GET  /entries?day=YYYY-MM-DD&after=ID
                          what was booked on that day in UTC: charges and refunds, a hundred on a
                          page, and the payout of the day before with what it pays

  POST /vouchers          {{"code", "amount", "currency", "expires_at", "blocked"}}: issue a voucher
  GET  /books             vouchers and reservations
  POST /entries           add an entry to what was booked, or replace the one with this "id"
  DELETE /entries/ID
  POST /entries/older     {{"days"}}: let everything have been booked so many days earlier
  POST /faults            {{"function": "reserve", "redeem", "cancel", "return", "entries" or
                          "*", "fault": "...", "times": 1}}; GET lists the faults, DELETE clears
                          them
  POST /reservations/ID/lapse
                          let the time of the reservation be over now
  POST /keys/forget       forget every Idempotency-Key, as a server does after some time
  POST /reset             empty the books and clear the faults
  GET  /healthz

A fault may also have "seconds", "status", "retryAfter" and a "probability" from 0 to 1:

{describe(KINDS)}
"""


def parse_voucher(text: str) -> dict[str, object]:
    """Return a voucher from the command line. The amount is in minor units."""
    code, _colon, rest = text.partition(":")
    amount, _colon, currency = rest.partition(":")
    if not code or not amount.isdecimal() or not currency:
        raise argparse.ArgumentTypeError(f"{text!r} is not CODE:AMOUNT:CURRENCY")
    return {"code": code, "amount": int(amount), "currency": currency}


def main() -> None:
    parser = argument_parser("simulators.vouchers", DESCRIPTION)
    parser.add_argument("--token", default="", help="the bearer token that the portal must have")
    parser.add_argument(
        "--issue",
        type=parse_voucher,
        action="append",
        default=[],
        metavar="CODE:AMOUNT:CURRENCY",
        help="issue this voucher at the start if it is not there; may be given several times",
    )
    options = parser.parse_args()
    store = Store(options.store, SCHEMA)
    desk.issue_missing(Books(store), options.issue)
    faults = Faults(dict.fromkeys(FUNCTIONS, KINDS), options.seed)
    server = VoucherServer(Books(store), faults, options.token, options.delay)
    serve("voucher simulator", options, server.routes(), store)


if __name__ == "__main__":
    main()
