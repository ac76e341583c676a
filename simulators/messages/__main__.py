"""Command line of the message simulator."""

from simulators.fault_kinds import KINDS, describe
from simulators.faults import Faults
from simulators.messages import books, numbers
from simulators.messages.books import Books
from simulators.messages.numbers import Numbers, describe_endings
from simulators.messages.operator_api import API_KINDS, OperatorApi
from simulators.messages.operator_api import FUNCTIONS as API_FUNCTIONS
from simulators.messages.server import FUNCTIONS, MessageServer
from simulators.process import argument_parser, serve
from simulators.store import Store

DESCRIPTION = f"""\
Simulates a gateway for SMS and mail: what reaches the customer's phone and mailbox. JSON over HTTP.
It also answers for the operator's network, in the form of three CAMARA APIs.

  POST   /messages  {{"id", "to", "subject", "text", "language"}}: deliver a message; a second one
                    with the same id changes nothing
  POST   /one-time-password-sms/v1/send-code     {{"phoneNumber", "message"}}
  POST   /one-time-password-sms/v1/validate-code {{"authenticationId", "code"}}
  POST   /sim-swap/v2/check                      {{"phoneNumber", "maxAge"}}
  POST   /sim-swap/v2/retrieve-date              {{"phoneNumber"}}
  POST   /number-recycling/v0.2/check            {{"phoneNumber", "specifiedDate"}}
  POST   /numbers   {{"phoneNumber", "simChangedAt", "subscriberChangedAt", "sms", "isOurs"}}: what
                    is true of a number; "sms" is allowed, not_allowed or blocked
  GET    /books     list what was delivered, newest first, and the calls
  POST   /faults    {{"function": "...", "fault": "...", "times": 1}}; GET lists the faults, DELETE
                    clears them. Functions: send, {", ".join(API_FUNCTIONS)}, *
  POST   /reset     empty the books and clear the faults
  GET    /healthz

A number's last four digits decide what is true of it as long as nothing was stored:

{describe_endings()}

A fault may also have "seconds", "status", "retryAfter", "message" and a "probability" from 0 to 1;
only the APIs know refuse:

{describe(API_KINDS)}
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
    parser.add_argument(
        "--token", default="", help="the bearer token that callers of the APIs must have"
    )
    parser.add_argument(
        "--code-lifetime",
        type=float,
        default=600.0,
        metavar="SECONDS",
        help="how long a one-time code is valid (%(default)s)",
    )
    options = parser.parse_args()
    store = Store(options.store, books.SCHEMA + numbers.SCHEMA)
    functions = {**dict.fromkeys(FUNCTIONS, KINDS), **dict.fromkeys(API_FUNCTIONS, API_KINDS)}
    faults = Faults(functions, options.seed)
    prefixes = tuple(options.dead_prefix)
    known = Numbers(store)
    api = OperatorApi(
        Books(store), known, faults, options.delay, options.token, options.code_lifetime
    )
    server = MessageServer(Books(store), known, api, faults, options.delay, prefixes)
    serve("message simulator", options, server.routes(), store)


if __name__ == "__main__":
    main()
