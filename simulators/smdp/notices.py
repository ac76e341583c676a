"""HandleDownloadProgressInfo (SGP.22 v2.2, 5.3.5): the notifications to the operator."""

import json
import ssl
import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial

from simulators.faults import Faults
from simulators.http import Answer
from simulators.notify import Notice, send_in_background
from simulators.smdp.books import Profile
from simulators.smdp.calls import Call, Calls, format_time
from simulators.smdp.es2plus import FAILED, PATH, PROTOCOL, SUCCESS, execution
from simulators.smdp.faults import NOTICE_KINDS
from simulators.smdp.spelling import Spell, Spelling

PROGRESS = "handleDownloadProgressInfo"
REQUESTER = "2.999.20"


@dataclass(frozen=True)
class Step:
    """A notification point, by name or number. It was passed, or failed if there is a code."""

    point: str | int
    code: str = ""
    message: str = ""


@dataclass(frozen=True)
class Notifier:
    """Sends notifications to the operator's base address, or none if the address is empty."""

    calls: Calls
    faults: Faults
    operator: str = ""
    context: ssl.SSLContext | None = None
    spelling: Spelling = field(default_factory=Spelling)
    protocol: str = PROTOCOL

    def notify(self, profile: Profile, eid: str, steps: tuple[Step, ...]) -> None:
        """Send a notification for each step in the background, changed by the pending faults."""
        if not self.operator:
            return
        notices = [
            one
            for step in steps
            for spell in self.spelling.ways()
            for one in self._apply_fault(profile, eid, step, spell)
        ]
        # A notification that a fault delays is sent last, so it delays no other.
        send_in_background(sorted(notices, key=lambda notice: notice.pause))

    def _apply_fault(self, profile: Profile, eid: str, step: Step, spell: Spell) -> list[Notice]:
        call, notice = self._make_notice(profile, eid, step, spell)
        fault = self.faults.take(PROGRESS)
        if fault is None:
            return [notice]
        arranged = NOTICE_KINDS[fault.fault].arrange(fault, notice)
        if not arranged:
            self.calls.record(replace(call, status="NotSent", code=fault.fault), None)
        return arranged

    def _make_notice(
        self, profile: Profile, eid: str, step: Step, spell: Spell
    ) -> tuple[Call, Notice]:
        at, identifier = datetime.now(UTC), str(uuid.uuid4())
        header = {
            "functionRequesterIdentifier": REQUESTER,
            "functionCallIdentifier": identifier,
        }
        message = {
            "header": header,
            "eid": eid,
            "iccid": profile.iccid,
            "profileType": profile.profile_type,
            "timestamp": format_time(at),
            "notificationPointId": self.spelling.number(step.point),
            "notificationPointStatus": execution(
                FAILED if step.code else SUCCESS, step.code, step.message
            ),
        }
        body = json.dumps(spell(message, at), ensure_ascii=False).encode()
        call = Call(PROGRESS, profile.iccid, identifier, body)
        headers = {"Content-Type": "application/json", "X-Admin-Protocol": self.protocol}
        notice = Notice(
            self.operator + PATH + PROGRESS,
            body,
            headers,
            partial(self._record, call),
            context=self.context,
        )
        return call, notice

    def _record(self, call: Call, status: int) -> None:
        sent = replace(call, status=f"{status}" if status else "Unreachable")
        self.calls.record(sent, Answer(status, b"") if status else None)
