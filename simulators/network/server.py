"""The network over HTTP: plans, ways out, usage, and the routes that only tests use."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from simulators.faults import Faults, run_with_faults
from simulators.http import Answer, HttpRefusal, Request, Route, json_answer, route
from simulators.network.books import RECORD, Books
from simulators.network.ways import Ways, parse_opening, parse_traffic

FUNCTIONS = (
    *("activate", "deactivate", "renew", "suspend", "resume", "end", "usage"),
    *("open_way", "close_way"),
)
TEXTS = ("plan", "imsi", "msisdn")
MOST_RECORDS = 1000


@dataclass(frozen=True)
class NetworkServer:
    books: Books
    faults: Faults
    delay: float = 0.0
    # This network does not know ICCIDs that begin with these digits.
    foreign_prefixes: tuple[str, ...] = ()

    @property
    def ways(self) -> Ways:
        return Ways(self.books)

    def routes(self) -> list[Route]:
        return [
            route("PUT", "/subscriptions/([^/]+)/sims/([^/]+)", self._put_sim),
            route("PUT", "/subscriptions/([^/]+)/period", self._renew),
            route("PUT", "/subscriptions/([^/]+)/suspension", self._switch),
            route("DELETE", "/subscriptions/([^/]+)", self._end),
            route("GET", "/subscriptions/([^/]+)", self._show),
            route("PUT", "/ways/([^/]+)/([0-9]+)", self._open_way),
            route("DELETE", "/ways/([^/]+)/([0-9]+)", self._close_way),
            route("GET", "/ways/([^/]+)", self._show_way),
            route("POST", "/ways/([^/]+)/traffic", self._count_traffic),
            route("POST", "/usage", self._use),
            route("GET", "/usage", self._list_usage),
            route("GET", "/books", lambda _request: json_answer(self.books.shown())),
            route("GET", "/healthz", lambda _request: json_answer({"status": "ok"})),
            route("POST", "/reset", self._reset),
            *self.faults.routes(),
        ]

    def _put_sim(self, request: Request, reference: str, iccid: str) -> Answer:
        body = request.json()
        sim = {"reference": reference, "iccid": iccid, "sequence": _count(body, "sequence")}
        if body.get("active") is False:
            return self._with_faults("deactivate", lambda: self._deactivate({**sim, "active": 0}))
        texts = _parse_service(body)
        return self._with_faults("activate", lambda: self._activate({**sim, **texts, "active": 1}))

    def _activate(self, sim: dict[str, Any]) -> Answer:
        reference, iccid = sim["reference"], sim["iccid"]
        with self.books.transaction():
            known = self.books.find(reference)
            status, said = HTTPStatus.OK, {}
            if iccid.startswith(self.foreign_prefixes):
                status, said = HTTPStatus.UNPROCESSABLE_ENTITY, {"error": "unknown_iccid"}
            elif known and known["state"] == "ended":
                status, said = HTTPStatus.CONFLICT, {"error": "ended"}
            else:
                self.books.activate(reference, sim["plan"], sim["sequence"])
                self.books.store_sim(sim)
                said = self._show_sim(reference, iccid)
            self.books.record_call("activate", reference, iccid, str(status.value))
        return json_answer(said, status)

    def _deactivate(self, sim: dict[str, Any]) -> Answer:
        """Deactivate a plan on a SIM. This includes a plan that was never active on it."""
        with self.books.transaction():
            self.books.store_sim(sim)
            self.books.record_call("deactivate", sim["reference"], sim["iccid"], "200")
            return json_answer(self._show_sim(sim["reference"], sim["iccid"]))

    def _show_sim(self, reference: str, iccid: str) -> dict[str, Any]:
        service, sim = self.books.find(reference), self.books.find_sim(reference, iccid)
        is_active = bool(service and sim and service["state"] == "active" and sim["active"])
        return {"reference": reference, "iccid": iccid, "active": is_active}

    def _renew(self, request: Request, reference: str) -> Answer:
        body = request.json()
        sequence, period = _count(body, "sequence"), _count(body, "period")
        until, plan = body.get("until"), body.get("plan")
        if not isinstance(until, str) or not until:
            raise HttpRefusal(HTTPStatus.BAD_REQUEST, "invalid_period")
        if not isinstance(plan, str) or not plan:
            raise HttpRefusal(HTTPStatus.BAD_REQUEST, "invalid_plan")

        def change() -> None:
            self.books.renew(reference, sequence, period, until, plan)

        return self._with_faults("renew", lambda: self._change("renew", reference, change))

    def _switch(self, request: Request, reference: str) -> Answer:
        body = request.json()
        sequence, suspended = _count(body, "sequence"), body.get("suspended")
        if not isinstance(suspended, bool):
            raise HttpRefusal(HTTPStatus.BAD_REQUEST, "invalid_suspension")
        operation = "suspend" if suspended else "resume"

        def change() -> None:
            self.books.switch(reference, sequence, suspended=suspended)

        return self._with_faults(operation, lambda: self._change(operation, reference, change))

    def _change(self, operation: str, reference: str, change: Callable[[], None]) -> Answer:
        """Change a plan that is active. One that has ended stays ended."""
        with self.books.transaction():
            known = self.books.find(reference)
            status = HTTPStatus.OK
            said: dict[str, Any] = {"error": "unknown_plan"}
            if known is None:
                status = HTTPStatus.NOT_FOUND
            elif known["state"] == "ended":
                status, said = HTTPStatus.CONFLICT, {"error": "ended"}
            else:
                change()
                said = self.books.find(reference) or {}
            self.books.record_call(operation, reference, "", str(status.value))
        return json_answer(said, status)

    def _end(self, _request: Request, reference: str) -> Answer:
        def work() -> Answer:
            with self.books.transaction():
                self.books.end(reference)
                self.books.record_call("end", reference, "", "200")
            return json_answer({"reference": reference, "state": "ended"})

        return self._with_faults("end", work)

    def _open_way(self, request: Request, iccid: str, sequence: str) -> Answer:
        minutes, megabytes = parse_opening(request.json())

        def work() -> Answer:
            with self.books.transaction():
                if iccid.startswith(self.foreign_prefixes):
                    status, said = HTTPStatus.UNPROCESSABLE_ENTITY, {"error": "unknown_iccid"}
                else:
                    status, said = self.ways.open(iccid, int(sequence), minutes, megabytes)
                self.books.record_call("open_way", sequence, iccid, str(status.value))
            return json_answer(said, status)

        return self._with_faults("open_way", work)

    def _close_way(self, _request: Request, iccid: str, sequence: str) -> Answer:
        def work() -> Answer:
            with self.books.transaction():
                status, said = self.ways.close(iccid, int(sequence))
                self.books.record_call("close_way", sequence, iccid, str(status.value))
            return json_answer(said, status)

        return self._with_faults("close_way", work)

    def _show_way(self, _request: Request, iccid: str) -> Answer:
        with self.books.transaction():
            return json_answer(self.ways.show(iccid))

    def _count_traffic(self, request: Request, iccid: str) -> Answer:
        """Count the bytes of a SIM that reaches a host through its way, as a device causes them."""
        used = parse_traffic(request.json())
        with self.books.transaction():
            return json_answer(self.ways.count(iccid, used))

    def _use(self, request: Request) -> Answer:
        """Record data usage of an active SIM, as a device would cause it."""
        record = _parse_usage(request.json())
        with self.books.transaction():
            if not self.books.is_live(record["iccid"]):
                raise HttpRefusal(HTTPStatus.CONFLICT, "not_live")
            self.books.add_usage(record)
        return json_answer(record, HTTPStatus.CREATED)

    def _list_usage(self, request: Request) -> Answer:
        after, limit = request.query.get("after", "0"), request.query.get("limit", "")
        if not after.isdecimal() or not limit.isdecimal():
            raise HttpRefusal(HTTPStatus.BAD_REQUEST, "invalid_cursor")

        def work() -> Answer:
            asked = min(int(limit), MOST_RECORDS)
            records, cursor = self.books.usage_after(int(after), asked)
            has_more = bool(records) and len(records) == asked
            return json_answer({"records": records, "cursor": str(cursor), "more": has_more})

        return self._with_faults("usage", work)

    def _with_faults(self, function: str, work: Callable[[], Answer]) -> Answer:
        time.sleep(self.delay)
        return run_with_faults(self.faults, function, work=work)

    def _show(self, _request: Request, reference: str) -> Answer:
        found = self.books.find(reference)
        if found is None:
            raise HttpRefusal(HTTPStatus.NOT_FOUND, "not_found")
        return json_answer(found)

    def _reset(self, _request: Request) -> Answer:
        self.books.empty()
        self.faults.clear()
        return json_answer({"status": "empty"})


def _count(body: dict[str, Any], name: str) -> int:
    number = body.get(name)
    if type(number) is not int or number <= 0:
        raise HttpRefusal(HTTPStatus.BAD_REQUEST, f"invalid_{name}")
    return number


def _parse_service(body: dict[str, Any]) -> dict[str, Any]:
    is_complete = body.get("active") is True and body.get("plan")
    if not is_complete or not all(isinstance(body.get(name), str) for name in TEXTS):
        raise HttpRefusal(HTTPStatus.BAD_REQUEST, "invalid_service")
    return {name: body[name] for name in TEXTS}


def _parse_usage(body: dict[str, Any]) -> dict[str, Any]:
    """Return a usage record. By default it happened now, in the US."""
    given = {
        "id": uuid.uuid4().hex,
        "iccid": "",
        "usedAt": datetime.now(UTC).isoformat(),
        "country": "US",
        **body,
    }
    is_counted = type(given.get("bytes")) is int and given["bytes"] >= 0
    if not is_counted or not all(isinstance(given[name], str) for name in given if name != "bytes"):
        raise HttpRefusal(HTTPStatus.BAD_REQUEST, "invalid_usage")
    return {name: given[name] for name in RECORD}
