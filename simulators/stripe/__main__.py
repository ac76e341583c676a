"""Command line of the stand-in for Stripe."""

from simulators.fault_kinds import KINDS, describe
from simulators.faults import Faults
from simulators.process import argument_parser, parse_web_address, serve
from simulators.store import Store
from simulators.stripe.books import SCHEMA, Books
from simulators.stripe.events import Announcer
from simulators.stripe.server import FUNCTIONS, StripeServer

DESCRIPTION = f"""\
Stands in for Stripe: its HTTP API, as far as the portal uses it, and its page for a card. Requests
are forms, answers are JSON, and errors have Stripe's types and codes. A repeated request with the
same Idempotency-Key gets the stored answer; another request with it gets an idempotency_error.

  POST /v1/payment_intents                 with a stored card, confirmed at once
  GET  /v1/payment_intents/ID, /search     search by one field of the metadata
  POST /v1/payment_intents/ID/capture, /cancel
  POST /v1/checkout/sessions               the page is at /c/pay/ID
  GET  /v1/checkout/sessions/ID
  POST /v1/checkout/sessions/ID/expire
  GET, POST /v1/disputes/ID; POST /v1/disputes/ID/close
  GET  /v1/balance_transactions            charges, refunds and payouts; or what a payout pays
  GET  /v1/radar/early_fraud_warnings/ID
  POST /v1/refunds; GET lists the refunds of a payment
  POST /v1/customers
  POST /v1/payment_methods/ID/attach, /detach

  GET  /challenge/ID      the bank's page; the customer returns by GET
  GET  /notices           webhooks that were sent, with their signatures
  GET  /books             all objects
  POST /faults            {{"function": {", ".join(f'"{name}"' for name in FUNCTIONS)} or "*",
                          "fault": "...", "times": 1}}; GET lists the faults, DELETE clears them
  POST /payments/ID/lapse let the time for a capture be over now
  POST /refunds/ID/end    {{"status": "succeeded" or "failed"}}: the bank decides about a refund
  POST /payments/ID/dispute  {{"kind": "dispute" or "inquiry", "reason": "fraudulent"}}
  POST /disputes/ID/end   {{"status": "won" or "lost"}}
  POST /payments/ID/fraud_warning
  POST /payouts           {{"currency": "usd"}}: pay out what is left, as every day; other fields
                          replace the payout's own
  POST /keys/forget       forget every Idempotency-Key, as Stripe does after a day
  POST /reset             empty the books and clear the faults
  GET  /healthz

Stored cards have Stripe's own names, such as pm_card_visa, pm_card_authenticationRequired or
pm_card_visa_chargeDeclinedInsufficientFunds. On the page, these numbers are treated as by Stripe:

  4000 0000 0000 0002  declined: generic_decline
  4000 0000 0000 9995  declined: insufficient_funds
  4000 0000 0000 9979  declined: stolen_card
  4000 0000 0000 0127  declined: incorrect_cvc
  4000 0027 6000 3184  approved once the customer has confirmed at the bank
  4000 0000 0000 7726  approved; a refund is pending until POST /refunds/ID/end
  4000 0000 0000 5126  approved; a refund fails
  4242 4242 4242 4242  approved, as is every other valid number

A webhook has the header Stripe-Signature: t=UNIX SECONDS,v1=HMAC-SHA-256 of "t.body" in hex.

A fault may also have "seconds", "status", "retryAfter" and a "probability" from 0 to 1:

{describe(KINDS)}
"""


def main() -> None:
    parser = argument_parser("simulators.stripe", DESCRIPTION)
    parser.add_argument("--api-key", default="", help="the API key that the portal must send")
    parser.add_argument(
        "--notify",
        type=parse_web_address,
        default="",
        metavar="URL",
        help="post every event to this URL",
    )
    parser.add_argument("--secret", default="", help="secret that signs these posts (HMAC-SHA-256)")
    options = parser.parse_args()
    store = Store(options.store, SCHEMA)
    books = Books(store)
    faults = Faults(dict.fromkeys(FUNCTIONS, KINDS), options.seed)
    announcer = Announcer(books, options.notify, options.secret)
    server = StripeServer(books, faults, announcer, options.api_key, options.delay)
    serve("stand-in for Stripe", options, server.routes(), store)


if __name__ == "__main__":
    main()
