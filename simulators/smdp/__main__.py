"""Command line of the SM-DP+ simulator."""

from simulators.faults import Faults
from simulators.process import serve
from simulators.smdp.books import SCHEMA, Books
from simulators.smdp.desk import Desk, Limits
from simulators.smdp.es2plus import PROTOCOL_PREFIX
from simulators.smdp.notices import Notifier
from simulators.smdp.options import contexts, option_parser, parse_options
from simulators.smdp.server import FAULTS, SmdpServer
from simulators.smdp.spelling import Spelling
from simulators.store import Store
from simulators.tls import UnusableFiles


def main() -> None:
    parser = option_parser()
    options = parse_options(parser)
    try:
        incoming, outgoing = contexts(options)
    except UnusableFiles as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    store = Store(options.store, SCHEMA)
    desk = Desk(
        Books(store),
        options.address,
        tuple(options.foreign_prefix),
        tuple(options.refused_type),
        options.strict,
        Limits(options.code_attempts, options.download_attempts),
        names_address=not options.no_address,
    )
    faults = Faults(FAULTS, options.seed)
    spelling = Spelling(tuple(options.notification_style), options.points, options.odd)
    protocol = PROTOCOL_PREFIX + options.protocol
    notifier = Notifier(desk.books.calls, faults, options.notify, outgoing, spelling, protocol)
    server = SmdpServer(desk, notifier, faults, options.delay, protocol)
    serve("SM-DP+ simulator", options, server.routes(), store, incoming)


if __name__ == "__main__":
    main()
