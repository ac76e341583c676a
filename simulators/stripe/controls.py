"""The routes that only tests use, apart from those for disputes."""

from collections.abc import Callable

from simulators.faults import Faults
from simulators.http import Answer, Request, Route, json_answer, route
from simulators.keys import forget_keys
from simulators.stripe import balance, intents, refunds
from simulators.stripe.books import Books, Object
from simulators.stripe.showing import shown

KINDS = ("payment_intent", "charge", "refund", "checkout.session", "payment_method", "dispute")


def routes(books: Books, faults: Faults, announce: Callable[[Object], None]) -> list[Route]:
    """Return the routes by which a test lets time pass, and reads or empties the books."""

    def lapse(_request: Request, identifier: str) -> Answer:
        with books.transaction():
            _status, intent = intents.cancel(books, identifier, reason="automatic")
        announce(intent)
        return json_answer({"status": "lapsed"})

    def end_refund(request: Request, identifier: str) -> Answer:
        with books.transaction():
            refund = refunds.end(books, identifier, str(request.json().get("status")))
        announce(refund)
        return json_answer(shown(refund))

    def pay_out(request: Request) -> Answer:
        fields = dict(request.json())
        with books.transaction():
            return json_answer(shown(balance.pay_out(books, str(fields.pop("currency")), **fields)))

    def forget(_request: Request) -> Answer:
        forget_keys(books.store)
        return json_answer({"status": "forgotten"})

    def reset(_request: Request) -> Answer:
        books.empty()
        faults.clear()
        return json_answer({"status": "empty"})

    return [
        route("POST", "/payments/([^/]+)/lapse", lapse),
        route("POST", "/refunds/([^/]+)/end", end_refund),
        route("POST", "/payouts", pay_out),
        route("POST", "/keys/forget", forget),
        route("GET", "/notices", lambda _request: json_answer(books.notices())),
        route(
            "GET",
            "/books",
            lambda _request: json_answer({kind: shown(books.all(kind)) for kind in KINDS}),
        ),
        route("GET", "/healthz", lambda _request: json_answer({"status": "ok"})),
        route("POST", "/reset", reset),
    ]
