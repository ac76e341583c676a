"""The faults of an SM-DP+ beyond HTTP: in the ES2+ envelope, and in notifications."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from simulators import fault_kinds
from simulators.fault_kinds import Fault, Kinds, PreventsWork, SpoilsAnswer
from simulators.http import Answer, json_answer
from simulators.notify import Notice
from simulators.smdp.es2plus import EXPIRED, FAILED, SUCCESS, WARNING, execution, make_answer

WRONG_ICCID = "8988999999999999993"
WRONG_EID = "89049032000000000000000000000066"
WRONG_MATCHING_ID = "NOT-WHAT-WAS-SENT"
UNKNOWN_STATUS = "Executed-Perhaps"


def _without_work(status: str) -> Callable[[Fault], Answer]:
    return lambda fault: make_answer(execution(status, fault.code, fault.message))


def _changed(change: Callable[[dict[str, Any]], None]) -> Callable[[Fault, Answer], Answer]:
    def spoil(fault: Fault, answer: Answer) -> Answer:
        body = json.loads(answer.body)
        change(body)
        return replace(answer, body=json_answer(body).body)

    return spoil


def _name_another(body: dict[str, Any]) -> None:
    # ConfirmOrder answers with no ICCID but must repeat the matching id.
    if "matchingId" in body:
        body["matchingId"] = WRONG_MATCHING_ID
    else:
        body["iccid"] = WRONG_ICCID


def _name_unknown_status(body: dict[str, Any]) -> None:
    body["header"]["functionExecutionStatus"]["status"] = UNKNOWN_STATUS


def _keep_header_alone(body: dict[str, Any]) -> None:
    for name in set(body) - {"header"}:
        del body[name]


def _warn(fault: Fault, answer: Answer) -> Answer:
    body = json.loads(answer.body)
    if body["header"]["functionExecutionStatus"]["status"] != SUCCESS:
        return answer
    header = {"functionExecutionStatus": execution(WARNING, fault.code, fault.message)}
    return replace(answer, body=json_answer({**body, "header": header}).body)


KINDS: Kinds = {
    **fault_kinds.KINDS,
    "failed": PreventsWork(
        "the answer is Failed, with `code` and `message`", _without_work(FAILED)
    ),
    "expired": PreventsWork("the answer is Expired", _without_work(EXPIRED)),
    "expired_after": SpoilsAnswer(
        "the answer is Expired", lambda fault, _answer: _without_work(EXPIRED)(fault)
    ),
    "warning": SpoilsAnswer("a success is Executed-WithWarning, with `code` and `message`", _warn),
    "wrong_iccid": SpoilsAnswer(
        "the answer names another ICCID (ConfirmOrder: matching id)",
        _changed(_name_another),
    ),
    "wrong_eid": SpoilsAnswer(
        "the answer names another EID", _changed(lambda body: body.update(eid=WRONG_EID))
    ),
    "no_header": SpoilsAnswer(
        "the answer's JSON has no header", _changed(lambda body: body.pop("header"))
    ),
    "no_protocol": SpoilsAnswer(
        "the answer has no X-Admin-Protocol",
        lambda _fault, answer: replace(answer, headers=()),
    ),
    "unknown_status": SpoilsAnswer(
        "the answer has a status that the standard does not know", _changed(_name_unknown_status)
    ),
    "missing_output": SpoilsAnswer("the answer has only its header", _changed(_keep_header_alone)),
}


@dataclass(frozen=True)
class Arrangement:
    """A kind of fault that changes how a notification is sent."""

    effect: str
    arrange: Callable[[Fault, Notice], list[Notice]]


NOTICE_KINDS = {
    "duplicate": Arrangement(
        "it is sent `copies` (2) times", lambda fault, notice: [notice] * fault.copies
    ),
    "reorder": Arrangement(
        "it is sent `seconds` (1) later, after the notifications that follow it",
        lambda fault, notice: [replace(notice, pause=fault.seconds)],
    ),
    "lost": Arrangement("it is never sent", lambda _fault, _notice: []),
}
