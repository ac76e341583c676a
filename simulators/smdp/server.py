"""The SM-DP+ over HTTP: ES2+, the device, and the routes that only tests use."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus

from simulators.faults import Faults, run_with_faults
from simulators.http import (
    Answer,
    ConnectionDropped,
    HttpRefusal,
    Request,
    Route,
    json_answer,
    route,
)
from simulators.smdp import es2plus, stock
from simulators.smdp.desk import Desk
from simulators.smdp.device import DownloadFailed, download, parse_later_step
from simulators.smdp.exchange import Exchange
from simulators.smdp.faults import KINDS, NOTICE_KINDS
from simulators.smdp.functions import FUNCTIONS
from simulators.smdp.notices import PROGRESS, Notifier

# A function knows the faults of an answer, and HandleDownloadProgressInfo those of a notification.
FAULTS = {**dict.fromkeys(FUNCTIONS, KINDS), PROGRESS: NOTICE_KINDS}


@dataclass(frozen=True)
class SmdpServer:
    desk: Desk
    notifier: Notifier
    faults: Faults
    delay: float = 0.0
    protocol: str = es2plus.PROTOCOL

    def routes(self) -> list[Route]:
        functions = [
            route("POST", es2plus.PATH + function, self._es2plus(function))
            for function in FUNCTIONS
        ]
        return [
            *functions,
            route("POST", "/device/download", self._download),
            route("POST", "/device/notify", self._notify),
            route("GET", "/stock", lambda _request: json_answer(self._stock())),
            route("POST", "/stock", self._declare),
            route("GET", "/books", lambda _request: json_answer(self.desk.books.shown())),
            route("GET", "/healthz", lambda _request: json_answer({"status": "ok"})),
            route("POST", "/reset", self._reset),
            *self.faults.routes(),
        ]

    def _es2plus(self, function: str) -> Callable[[Request], Answer]:
        def view(request: Request) -> Answer:
            try:
                es2plus.check_protocol(request)
                body = request.json()
            except HttpRefusal as refusal:
                answer = json_answer({"error": refusal.error}, refusal.status)
                return self._with_protocol(replace(answer, headers=es2plus.HEADERS))
            time.sleep(self.delay)
            answer = self._run(function, Exchange(self.desk, function, request, body))
            return self._with_protocol(answer)

        return view

    def _with_protocol(self, answer: Answer) -> Answer:
        """Let the answer name this server's version, unless a fault has removed the header."""
        version = {es2plus.PROTOCOL_HEADER: self.protocol}
        headers = tuple((name, version.get(name, value)) for name, value in answer.headers)
        return replace(answer, headers=headers)

    def _run(self, function: str, exchange: Exchange) -> Answer:
        try:
            answer = run_with_faults(
                self.faults, function, KINDS, work=exchange.execute, skipped=exchange.skip
            )
        except ConnectionDropped:
            exchange.end(None)
            raise
        exchange.end(answer)
        return answer

    def _download(self, request: Request) -> Answer:
        try:
            with self.desk.books.transaction():
                ending = download(self.desk, request.json())
        except DownloadFailed as failed:
            return json_answer({"result": "failed", "error": str(failed)})
        self.notifier.notify(ending.profile, ending.eid, ending.steps)
        if ending.error:
            return json_answer({"result": "failed", "error": ending.error})
        names = {"iccid": ending.profile.iccid, "profileType": ending.profile.profile_type}
        return json_answer({"result": "success", **names})

    def _notify(self, request: Request) -> Answer:
        profile, step = parse_later_step(self.desk, request.json())
        if not self.notifier.operator:
            raise HttpRefusal(HTTPStatus.CONFLICT, "nobody_to_notify")
        self.notifier.notify(profile, profile.eid, (step,))
        return json_answer({"iccid": profile.iccid, "point": step.point}, HTTPStatus.ACCEPTED)

    def _stock(self) -> dict[str, object]:
        return {"stock": self.desk.books.stock()}

    def _declare(self, request: Request) -> Answer:
        iccids = stock.declare(self.desk.books, request.json())
        return json_answer({"iccids": iccids}, HTTPStatus.CREATED)

    def _reset(self, request: Request) -> Answer:
        self.desk.books.empty()
        self.faults.clear()
        return json_answer({"status": "empty"})
