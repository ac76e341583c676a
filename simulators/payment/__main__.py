"""Command line of the payment simulator."""

from simulators.fault_kinds import KINDS, describe
from simulators.faults import Faults
from simulators.payment.books import SCHEMA, Books
from simulators.payment.server import FUNCTIONS, PaymentServer
from simulators.process import argument_parser, parse_web_address, serve
from simulators.store import Store

DESCRIPTION = f"""\
Simulates a payment provider. JSON over HTTP. Every POST of the protocol has an Idempotency-Key
header: the same request with the same key gets the stored answer, another request gets 409.
A 404 with unknown_token, unknown_payment or unknown_page is about that thing. Any other 404 means
that this address is none of the protocol.

  POST /tokens            {{"number", "exp_month", "exp_year", "csc", "name"}}
  POST /tokens/forget     {{"token"}}
  POST /pages             {{"return_url"}}: open a page on which the customer enters a card
  GET  /pages/ID          open, taken (with the card's token) or refused
  GET  /card/ID           the page itself; the customer returns to return_url by GET
  POST /payments          {{"token", "amount": minor units, "currency", "reference",
                          "return_url", "off_session": true if the customer is away}}
  POST /payments/ID/capture, /void
  POST /payments/ID/refund  {{"amount": minor units}}; without an amount, all that is left
  GET  /payments/ID         with capture_before: the Unix time at which an authorisation lapses
  GET  /payments/ID/refunds?key=KEY
                            the refund made with this Idempotency-Key; without a key, all of them
  GET  /payments?key=KEY  payments made with this Idempotency-Key, if the answer was lost
  GET  /disputes/ID       with due_by, the Unix time at which it is lost without an answer, and
                          taken, the minor units that the provider has taken for it, without fee
  POST /disputes/ID/answer  {{"evidence": {{"name": "text"}}}}
  POST /disputes/ID/accept  the customer keeps the money
  GET  /fraud_warnings/ID
  GET  /entries?day=YYYY-MM-DD&after=ID
                          what was booked on that day in UTC: charges, refunds and fees, a hundred
                          on a page, and the payout of the day before with what it pays
  GET  /challenge/ID      the bank's page; the customer returns to return_url by GET
  GET  /notices           webhooks that were sent, with their signatures
  GET  /books             payments, pages and the number of tokens
  POST /faults            {{"function": "tokens", "forget", "open_page", "fetch_page", "authorise",
                          "capture", "void", "refund", "answer", "accept", "entries"
                          or "*", "fault": "...", "times": 1}}; GET lists the faults, DELETE clears
                          them
  POST /payments/ID/lapse let the time for a capture be over now
  POST /refunds/ID/end    {{"status": "done" or "failed"}}: the bank decides about a refund
  POST /payments/ID/dispute  {{"kind": "dispute" or "inquiry", "reason": "fraudulent", "amount"}}
  POST /disputes/ID/end   {{"status"}}: won, lost or needs_answer; dispute makes an inquiry one
  POST /payments/ID/fraud_warning
  GET  /desk              a page with buttons for all of this: play the bank in the demo
  POST /entries           add an entry to what was booked, or replace the one with this "id"
  DELETE /entries/ID
  POST /entries/older     {{"days"}}: let everything have been booked so many days earlier
  POST /keys/forget       forget every Idempotency-Key, as a provider does after some time
  POST /reset             empty the books and clear the faults
  GET  /healthz

Cards:

  4000 0000 0000 0002  declined: card_declined
  4000 0000 0000 9995  declined: insufficient_funds
  4000 0000 0000 0069  declined: expired_card
  4000 0000 0000 0119  declined: processing_error
  4000 0000 0000 0127  declined: incorrect_csc
  4000 0027 6000 3184  approved once the customer has confirmed at the bank
  4000 0000 0000 0077  charged with the authorisation: nothing is left to capture or void
  4000 0000 0000 7726  approved; a refund is pending until POST /refunds/ID/end
  4000 0000 0000 5126  approved; a refund fails
  4000 0000 0000 2685  approved; disputed once it is charged: product_not_received
  4000 0000 0000 0259  approved; disputed once it is charged: fraudulent
  4000 0000 0000 1976  approved; the bank asks about it once it is charged, an inquiry
  4000 0000 0000 5423  approved; the bank warns of fraud once it is charged
  4000 0025 0000 3155  off session declined: authentication_required; else approved
  4000 0000 0000 0341  off session declined: insufficient_funds; else approved
  4000 0000 0000 7312  off session declined: stolen_card; else approved
  4000 0000 0000 7320  off session declined: try_again_later, retry_after three days; else approved
  4242 4242 4242 4242  approved, as is every other valid number

Off session, 4000 0027 6000 3184 is declined too: authentication_required.

The provider's own page refuses declined cards at once, except with insufficient_funds. Card
numbers are never stored.

A webhook has the header Webhook-Signature: t=UNIX SECONDS,v1=HMAC-SHA-256 of "t.body" in hex.

A fault may also have "seconds", "status", "retryAfter" and a "probability" from 0 to 1:

{describe(KINDS)}
"""


def main() -> None:
    parser = argument_parser("simulators.payment", DESCRIPTION)
    parser.add_argument(
        "--notify",
        type=parse_web_address,
        default="",
        metavar="URL",
        help="post every change of a payment to this URL",
    )
    parser.add_argument(
        "--bank-url",
        type=parse_web_address,
        default="",
        metavar="URL",
        help="the address of the bank's pages, which this process serves (default: its own)",
    )
    parser.add_argument("--secret", default="", help="secret that signs these posts (HMAC-SHA-256)")
    options = parser.parse_args()
    store = Store(options.store, SCHEMA)
    faults = Faults(dict.fromkeys(FUNCTIONS, KINDS), options.seed)
    server = PaymentServer(
        Books(store), faults, options.notify, options.secret, options.delay, options.bank_url
    )
    serve("payment simulator", options, server.routes(), store)


if __name__ == "__main__":
    main()
