"""Command line of the payment simulator."""

from simulators.fault_kinds import KINDS, describe
from simulators.faults import Faults
from simulators.payment.books import SCHEMA, Books
from simulators.payment.server import FUNCTIONS, PaymentServer
from simulators.process import argument_parser, parse_web_address, serve
from simulators.store import Store

DESCRIPTION = f"""\
A payment provider simulator. JSON over HTTP; every POST of the protocol carries the header
Idempotency-Key: the same key and question get the stored answer, another question gets 409.

  POST /tokens            {{"number", "exp_month", "exp_year", "csc", "name"}}
  POST /tokens/forget     {{"token"}}
  POST /pages             {{"return_url"}}: a page on which the customer types the card
  GET  /pages/ID          open, taken with the card's token, or refused
  GET  /card/ID           that page; the customer goes back to return_url by GET
  POST /payments          {{"token", "amount": minor units, "currency", "reference",
                          "return_url"}}
  POST /payments/ID/capture, /void, /refund
  GET  /payments/ID
  GET  /payments?key=KEY  what was made under an Idempotency-Key whose answer was lost
  GET  /challenge/ID      the bank's page; the customer goes back to return_url by GET
  GET  /notices           the webhooks that were sent, with their signatures
  GET  /books             payments, pages, and the number of tokens
  POST /faults            {{"function": "tokens", "forget", "open_page", "fetch_page", "authorise",
                          "capture", "void", "refund" or "*", "fault": "...", "times": 1,
                          "seconds": 1}}; GET lists, DELETE clears
  POST /reset             empties books and faults
  GET  /healthz

Cards: 4000 0000 0000 0002 is declined (card_declined), 4000 0000 0000 9995 too
(insufficient_funds), 4000 0000 0000 0069 (expired_card), 4000 0000 0000 0119 (processing_error)
and 4000 0000 0000 0127 (incorrect_csc); 4000 0027 6000 3184 wants the customer to confirm at the
bank; 4242 4242 4242 4242 and every other valid number approve. Numbers are never stored. On the
provider's own page those that are declined are refused at once, but for insufficient_funds.

A webhook carries the header Webhook-Signature: t=UNIX SECONDS,v1=HMAC-SHA-256 of "t.body" in hex.

A fault may say "seconds", "status" and "retryAfter" too, and a "probability" from 0 to 1:

{describe(KINDS)}
"""


def main() -> None:
    parser = argument_parser("simulators.payment", DESCRIPTION)
    parser.add_argument(
        "--notify",
        type=parse_web_address,
        default="",
        metavar="URL",
        help="post every change of a payment to this whole address",
    )
    parser.add_argument(
        "--secret", default="", help="sign what is posted there with this (HMAC-SHA-256)"
    )
    options = parser.parse_args()
    store = Store(options.store, SCHEMA)
    faults = Faults(dict.fromkeys(FUNCTIONS, KINDS), options.seed)
    server = PaymentServer(Books(store), faults, options.notify, options.secret, options.delay)
    serve("payment simulator", options, server.routes(), store)


if __name__ == "__main__":
    main()
