"""One ES2+ call, from the request to its row in the books."""

from dataclasses import replace
from typing import Any

from simulators.fault_kinds import Fault
from simulators.http import Answer, Request
from simulators.smdp import es2plus
from simulators.smdp.calls import Call
from simulators.smdp.desk import Desk
from simulators.smdp.functions import FUNCTIONS


class Exchange:
    """Writes the call's row in the same transaction as the work; the row holds the answer sent."""

    def __init__(self, desk: Desk, function: str, request: Request, body: dict[str, Any]) -> None:
        self._desk = desk
        self._body = body
        self._call = Call(
            function,
            iccid=str(body.get("iccid") or "").rstrip("Ff"),
            call_identifier=es2plus.call_identifier(body),
            request=request.body,
            client=request.client,
        )
        self._row = 0
        self._recorded: Answer | None = None

    def execute(self) -> Answer:
        with self._desk.books.transaction():
            try:
                es2plus.check_header(self._body)
                fields = FUNCTIONS[self._call.function](self._desk, self._body)
            except es2plus.Refused as refused:
                answer = es2plus.make_answer(
                    es2plus.execution(es2plus.FAILED, refused.code, str(refused))
                )
                self._record(answer, status=es2plus.FAILED, code=refused.code)
                return answer
            answer = es2plus.make_answer(es2plus.execution(es2plus.SUCCESS), fields)
            self._record(answer, status=es2plus.SUCCESS, iccid=str(fields.get("iccid", "")))
            return answer

    def skip(self, fault: Fault) -> None:
        self._record(None, status="NotExecuted", code=fault.fault)

    def end(self, answer: Answer | None) -> None:
        """Store the answer that was sent if a fault changed it; None means that none was sent."""
        if answer is not self._recorded:
            self._desk.books.calls.replace_answer(self._row, answer)

    def _record(
        self, answer: Answer | None, *, status: str, code: str = "", iccid: str = ""
    ) -> None:
        call = replace(self._call, status=status, code=code, iccid=self._call.iccid or iccid)
        self._row = self._desk.books.calls.record(call, answer)
        self._recorded = answer
