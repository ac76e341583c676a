"""The SM-DP+ over HTTP: ES2+, the device's side, and what tests look into."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from simulators.faults import Fault, FaultKind, Faults, run_with_faults
from simulators.http import Answer, HttpRefusal, Request, Route, json_answer, route
from simulators.smdp import es2plus
from simulators.smdp.device import DownloadFailed, download, tell_progress
from simulators.smdp.functions import FUNCTIONS, Desk
from simulators.smdp.states import ProfileState

WRONG_ICCID = "8988999999999999993"
WRONG_MATCHING_ID = "NOT-WHAT-WAS-SENT"


@dataclass(frozen=True)
class SmdpServer:
    desk: Desk
    operator: str = ""
    delay: float = 0.0
    faults: Faults = field(default_factory=lambda: Faults(FUNCTIONS, FaultKind))

    def routes(self) -> list[Route]:
        functions = [
            route("POST", es2plus.PATH + function, self._es2plus(function))
            for function in FUNCTIONS
        ]
        return [
            *functions,
            route("POST", "/device/download", self._download),
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
                return replace(answer, headers=es2plus.HEADERS)
            time.sleep(self.delay)
            return run_with_faults(
                self.faults,
                function,
                work=lambda: self._execute(function, body),
                skipped=lambda fault: self._write_down(function, body, "NotExecuted", fault.fault),
                spoil=_spoil,
            )

        return view

    def _execute(self, function: str, body: dict[str, Any]) -> Answer:
        """Run the function and keep the call, both or neither."""
        with self.desk.books.transaction():
            try:
                es2plus.check_header(body)
                fields = FUNCTIONS[function](self.desk, body)
            except es2plus.Refused as refused:
                code = f"{refused.subject}/{refused.reason}"
                self._write_down(function, body, es2plus.FAILED, code)
                return es2plus.failed(refused)
            asked = {"iccid": body.get("iccid") or fields.get("iccid")}
            self._write_down(function, {**body, **asked}, es2plus.SUCCESS)
        return es2plus.executed(fields)

    def _write_down(self, function: str, body: dict[str, Any], status: str, code: str = "") -> None:
        self.desk.books.write_down(
            function,
            iccid=str(body.get("iccid") or "").rstrip("Ff"),
            call_identifier=es2plus.call_identifier(body),
            status=status,
            code=code,
        )

    def _download(self, request: Request) -> Answer:
        try:
            with self.desk.books.transaction():
                profile, end = download(self.desk, request.json())
        except DownloadFailed as failed:
            return json_answer({"result": "failed", "error": str(failed)})
        if self.operator:
            tell_progress(self.desk.books, self.operator, profile, end)
        if end == ProfileState.ERROR:
            return json_answer({"result": "failed", "error": "ProfileProcessingError"})
        names = {"iccid": profile.iccid, "profileType": profile.profile_type}
        return json_answer({"result": "success", **names})

    def _reset(self, request: Request) -> Answer:
        self.desk.books.empty()
        self.faults.clear()
        return json_answer({"status": "empty"})


def _spoil(fault: Fault, answer: Answer) -> Answer:
    if fault.fault != FaultKind.WRONG_ICCID:
        return fault.spoil(answer)
    body = json.loads(answer.body)
    # ConfirmOrder names no ICCID; what it must echo is the matching id.
    if "matchingId" in body:
        body["matchingId"] = WRONG_MATCHING_ID
    else:
        body["iccid"] = WRONG_ICCID
    return replace(answer, body=json_answer(body).body)
