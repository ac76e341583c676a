"""The command-line options of the SM-DP+ simulator."""

import argparse
import ssl

from simulators.fault_kinds import describe
from simulators.process import argument_parser, parse_web_address
from simulators.smdp.faults import KINDS, NOTICE_KINDS
from simulators.smdp.notices import PROGRESS
from simulators.smdp.spelling import POINTS, STYLES
from simulators.tls import UnusableFiles, client_context, server_context

NOTICE_EFFECTS = "\n".join(f"  {name:<18}  {kind.effect}" for name, kind in NOTICE_KINDS.items())
STYLE_EFFECTS = "\n".join(f"  {name:<18}  {style.effect}" for name, style in STYLES.items())
# A server that also speaks v3 answers with that version, because it is its highest.
ODD_PROTOCOL = "v3.1.0"
DESCRIPTION = f"""\
Simulates an SM-DP+: it speaks ES2+ (SGP.22 v2.2) with the operator, keeps real profile states and
plays the device. Until stock is declared, it knows every ICCID of 18 to 20 digits, Available when
first seen. docs/smdp-simulator.md describes everything.

  POST /gsma/rsp2/es2plus/downloadOrder, confirmOrder, cancelOrder, releaseProfile
  POST /device/download   {{"activationCode": "1$host$MATCHING-ID", "eid": "..."}}
                          optional: "confirmationCode", and "end": "installed" (default),
                          "downloaded" (stops before the installation) or "error" (fails), or
                          "fail": a name of ESimOperationStatus, with an optional "reason"
  POST /device/notify     {{"iccid", "point": "enabled", "disabled", "deleted" or any number}}
  POST /stock             {{"profileType", "iccids": [...]}} or {{"profileType", "count"}}; from
                          then on only declared stock is known; GET shows the stock
  GET  /books             list the profiles and the calls
  POST /faults            {{"function": "downloadOrder" or "*", "fault": "...", "times": 1,
                          "probability": 1, "seconds": 1, "status": 503, "retryAfter",
                          "code": "8.2.1/3.3", "message"}}; GET lists the pending faults,
                          DELETE clears them
  POST /reset             empty the books and clear the faults
  GET  /healthz

Faults of the four functions:

{describe(KINDS)}

Faults of {PROGRESS}:

{NOTICE_EFFECTS}

Notification styles:

{STYLE_EFFECTS}
"""


def option_parser() -> argparse.ArgumentParser:
    parser = argument_parser("simulators.smdp", DESCRIPTION)
    parser.add_argument(
        "--address",
        default="smdp.kestrel.example",
        metavar="HOST",
        help="the SM-DP+ address in activation codes (%(default)s)",
    )
    _add_answers(parser.add_argument_group("answers"))
    _add_stock(parser.add_argument_group("what this operator may order"))
    _add_notifications(parser.add_argument_group("notifications"))
    _add_tls(parser.add_argument_group("TLS (1.2 or newer; PEM files)"))
    return parser


def parse_options(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Parse the command line. The preset `--odd` sets the options that it stands for."""
    options = parser.parse_args()
    if options.odd:
        options.protocol, options.no_address = ODD_PROTOCOL, True
    return options


def contexts(options: argparse.Namespace) -> tuple[ssl.SSLContext | None, ssl.SSLContext | None]:
    """Return the TLS contexts for requests and for notifications; raises `UnusableFiles`."""
    _check_together(options, "certificate", "key")
    _check_together(options, "notify_certificate", "notify_key")
    if options.client_ca and not options.certificate:
        raise UnusableFiles("--client-ca needs --certificate and --key.")
    if options.notify.startswith("https:") != bool(options.notify_ca):
        raise UnusableFiles("Use --notify-ca together with an https address in --notify.")
    if options.notify_certificate and not options.notify_ca:
        raise UnusableFiles("--notify-certificate needs an https address in --notify.")
    incoming = outgoing = None
    if options.certificate:
        incoming = server_context(options.certificate, options.key, options.client_ca)
    if options.notify_ca:
        outgoing = client_context(options.notify_ca, options.notify_certificate, options.notify_key)
    return incoming, outgoing


def _add_answers(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--protocol",
        default="v2.2.0",
        metavar="VERSION",
        help="the version of SGP.22 in X-Admin-Protocol (%(default)s)",
    )
    group.add_argument(
        "--no-address",
        action="store_true",
        help="ConfirmOrder leaves out smdpAddress, which is optional",
    )
    group.add_argument(
        "--odd",
        action="store_true",
        help=f"a preset: {ODD_PROTOCOL}, no address, and each notification is sent in every odd"
        " way: without a status, with an unknown one, at unknown points, with the point as 4.0"
        " and as a string, and with an epoch",
    )


def _add_stock(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--foreign-prefix",
        action="append",
        default=[],
        metavar="DIGITS",
        help="ICCIDs of another operator begin with these digits; may be given several times",
    )
    group.add_argument(
        "--refused-type",
        action="append",
        default=[],
        metavar="TYPE",
        help="a profile type that this operator may not order; may be given several times",
    )
    group.add_argument(
        "--strict",
        action="store_true",
        help="know only declared stock from the start",
    )
    group.add_argument(
        "--code-attempts",
        type=_count,
        default=0,
        metavar="NUMBER",
        help="an order ends in Error at this number of wrong confirmation codes (0: no limit)",
    )
    group.add_argument(
        "--download-attempts",
        type=_count,
        default=0,
        metavar="NUMBER",
        help="an order ends in Error after this number of downloads (0: no limit)",
    )


def _add_notifications(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--notify",
        type=parse_web_address,
        default="",
        metavar="URL",
        help="the operator's base address for HandleDownloadProgressInfo; its path is appended",
    )
    group.add_argument(
        "--notification-style",
        action="append",
        default=[],
        choices=STYLES,
        metavar="STYLE",
        help="how notifications are written (see above); may be given several times, in order",
    )
    group.add_argument(
        "--points",
        type=_points,
        default={},
        metavar="NAME=NUMBER,...",
        help=f"use other numbers for these points: {', '.join(POINTS)}",
    )


def _add_tls(group: argparse._ArgumentGroup) -> None:
    for name, effect in {
        "--certificate": "serve https with this certificate and its chain",
        "--key": "the key of --certificate, without a password",
        "--client-ca": "require a certificate of these authorities from every client",
        "--notify-certificate": "show this certificate when notifying over https",
        "--notify-key": "the key of --notify-certificate, without a password",
        "--notify-ca": "trust these authorities, and no others, when notifying over https",
    }.items():
        group.add_argument(name, default="", metavar="FILE", help=effect)


def _check_together(options: argparse.Namespace, *names: str) -> None:
    if len({bool(getattr(options, name)) for name in names}) > 1:
        first, second = (f"--{name.replace('_', '-')}" for name in names)
        raise UnusableFiles(f"Use {first} and {second} together.")


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("a number of attempts is 0 or more")
    return number


def _points(text: str) -> dict[str, int]:
    pairs = [pair.partition("=") for pair in text.split(",")]
    wrong = [name for name, _, number in pairs if name not in POINTS or not number.isdecimal()]
    if wrong:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not NAME=NUMBER,... with the names of points"
        )
    return {name: int(number) for name, _, number in pairs}
