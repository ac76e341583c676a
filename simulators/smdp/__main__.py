"""Command line of the SM-DP+ simulator."""

from simulators import faults
from simulators.process import argument_parser, serve, web_address
from simulators.smdp.books import SCHEMA, Books
from simulators.smdp.functions import Desk
from simulators.smdp.server import SmdpServer
from simulators.store import Store

DESCRIPTION = f"""\
An SM-DP+ simulator: it speaks ES2+ (SGP.22 v2.2) to the operator, keeps real profile states, and
plays the device's side. Any ICCID of 18 to 20 digits is one of ours, Available when first seen.

  POST /gsma/rsp2/es2plus/downloadOrder, confirmOrder, cancelOrder, releaseProfile
  POST /device/download   {{"activationCode": "1$host$MATCHING-ID", "eid": "..."}}
                          and, if wanted, "confirmationCode" and "end": "installed" (the default),
                          "downloaded" (stops before the installation) or "error" (it fails)
  GET  /books             profiles and calls
  POST /faults            {{"function": "downloadOrder" or "*", "fault": "...", "times": 1,
                          "seconds": 1}}; GET lists what is still to come, DELETE clears
  POST /reset             empties books and faults
  GET  /healthz

{faults.__doc__}
For ConfirmOrder, which answers no ICCID, wrong_iccid spoils the matching id.
"""


def main() -> None:
    parser = argument_parser("simulators.smdp", DESCRIPTION)
    parser.add_argument(
        "--notify",
        type=web_address,
        default="",
        metavar="URL",
        help="the operator's base address for HandleDownloadProgressInfo; its path is appended",
    )
    parser.add_argument(
        "--address",
        default="smdp.kestrel.example",
        metavar="HOST",
        help="the SM-DP+ address that activation codes name (%(default)s)",
    )
    parser.add_argument(
        "--foreign-prefix",
        action="append",
        default=[],
        metavar="DIGITS",
        help="ICCIDs that begin so are another operator's; may be given several times",
    )
    options = parser.parse_args()
    store = Store(options.store, SCHEMA)
    desk = Desk(Books(store), options.address, tuple(options.foreign_prefix))
    server = SmdpServer(desk, options.notify, options.delay)
    serve("SM-DP+ simulator", options, server.routes(), store)


if __name__ == "__main__":
    main()
