"""What the SM-DP+ simulator can be told on its command line."""

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
DESCRIPTION = f"""\
An SM-DP+ simulator: it speaks ES2+ (SGP.22 v2.2) to the operator, keeps real profile states, and
plays the device's side. Any ICCID of 18 to 20 digits is one of ours, Available when first seen,
until stock is declared. docs/smdp-simulator.md tells the rest.

  POST /gsma/rsp2/es2plus/downloadOrder, confirmOrder, cancelOrder, releaseProfile
  POST /device/download   {{"activationCode": "1$host$MATCHING-ID", "eid": "..."}}
                          and, if wanted, "confirmationCode" and "end": "installed" (the default),
                          "downloaded" (stops before the installation) or "error" (it fails), or
                          "fail": a name of ESimOperationStatus, with "reason" if wanted
  POST /device/notify     {{"iccid", "point": "enabled", "disabled", "deleted" or any number}}
  POST /stock             {{"profileType", "iccids": [...]}} or {{"profileType", "count"}}; from
                          then on nothing else is known; GET tells what is left
  GET  /books             profiles and calls
  POST /faults            {{"function": "downloadOrder" or "*", "fault": "...", "times": 1,
                          "probability": 1, "seconds": 1, "status": 503, "retryAfter",
                          "code": "8.2.1/3.3", "message"}}; GET lists what is still to come,
                          DELETE clears
  POST /reset             empties books and faults
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
        help="the SM-DP+ address that activation codes name (%(default)s)",
    )
    _add_stock(parser.add_argument_group("what is sold to this operator"))
    _add_notifications(parser.add_argument_group("notifications"))
    _add_tls(parser.add_argument_group("TLS (1.2 or newer; PEM files)"))
    return parser


def contexts(options: argparse.Namespace) -> tuple[ssl.SSLContext | None, ssl.SSLContext | None]:
    """Return the TLS of what comes in and of notifications; raises `UnusableFiles`."""
    _check_together(options, "certificate", "key")
    _check_together(options, "notify_certificate", "notify_key")
    if options.client_ca and not options.certificate:
        raise UnusableFiles("--client-ca needs --certificate and --key.")
    if options.notify.startswith("https:") != bool(options.notify_ca):
        raise UnusableFiles("An https address in --notify and --notify-ca need each other.")
    if options.notify_certificate and not options.notify_ca:
        raise UnusableFiles("--notify-certificate needs an https address in --notify.")
    incoming = outgoing = None
    if options.certificate:
        incoming = server_context(options.certificate, options.key, options.client_ca)
    if options.notify_ca:
        outgoing = client_context(options.notify_ca, options.notify_certificate, options.notify_key)
    return incoming, outgoing


def _add_stock(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--foreign-prefix",
        action="append",
        default=[],
        metavar="DIGITS",
        help="ICCIDs that begin so are another operator's; may be given several times",
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
        help="know no ICCID and no profile type before stock of it was declared",
    )
    group.add_argument(
        "--code-attempts",
        type=_count,
        default=0,
        metavar="NUMBER",
        help="wrong confirmation codes until an order ends in Error (0: no limit)",
    )
    group.add_argument(
        "--download-attempts",
        type=_count,
        default=0,
        metavar="NUMBER",
        help="downloads of a profile, one more ends in Error (0: no limit)",
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
        help="how notifications are spelled (see above); several are applied in their order",
    )
    group.add_argument(
        "--points",
        type=_points,
        default={},
        metavar="NAME=NUMBER,...",
        help=f"other numbers for points: {', '.join(POINTS)}",
    )


def _add_tls(group: argparse._ArgumentGroup) -> None:
    for name, effect in {
        "--certificate": "serve https with this certificate and its chain",
        "--key": "the certificate's key, without a password",
        "--client-ca": "demand a certificate of these authorities from every client",
        "--notify-certificate": "show this certificate when notifying over https",
        "--notify-key": "that certificate's key, without a password",
        "--notify-ca": "trust these authorities, and no others, when notifying over https",
    }.items():
        group.add_argument(name, default="", metavar="FILE", help=effect)


def _check_together(options: argparse.Namespace, *names: str) -> None:
    if len({bool(getattr(options, name)) for name in names}) > 1:
        first, second = (f"--{name.replace('_', '-')}" for name in names)
        raise UnusableFiles(f"{first} and {second} need each other.")


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("a number of attempts is 0 or more")
    return number


def _points(text: str) -> dict[str, int]:
    pairs = [pair.partition("=") for pair in text.split(",")]
    wrong = [name for name, _, number in pairs if name not in POINTS or not number.isdecimal()]
    if wrong:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=NUMBER,... with known names")
    return {name: int(number) for name, _, number in pairs}
