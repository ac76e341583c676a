"""The operator's APIs in CAMARA's form: one-time codes, SIM swap, number recycling."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from typing import Any

from simulators.fault_kinds import KINDS, Fault, PreventsWork
from simulators.faults import Faults, run_with_faults
from simulators.http import Answer, HttpRefusal, Request, Route, View, json_answer, route
from simulators.messages import camara
from simulators.messages.books import Books
from simulators.messages.camara import CamaraRefusal, Field
from simulators.messages.numbers import Number, Numbers

FUNCTIONS = ("send-code", "validate-code", "sim-swap", "number-recycling")
# One-Time Password SMS gives its own codes this prefix.
PREFIX = "ONE_TIME_PASSWORD_SMS."
MOST_WRONG = 3
CODE_LIMIT = 20
# Days for which this network remembers changes of SIMs.
MONITORED_PERIOD = 120
CODE_FIELDS = {"phoneNumber": camara.NUMBER, "message": camara.MESSAGE}
ANSWER_FIELDS = {"authenticationId": camara.AUTHENTICATION_ID, "code": camara.CODE}
REFUSED_SMS = {"blocked": "PHONE_NUMBER_BLOCKED", "not_allowed": "PHONE_NUMBER_NOT_ALLOWED"}
Work = Callable[[dict[str, Any]], Answer]


def _refuse(fault: Fault) -> Answer:
    body = {"status": fault.status, "code": fault.message, "message": "Refused on purpose."}
    return json_answer(body, fault.status)


API_KINDS = {
    **KINDS,
    "refuse": PreventsWork("the answer is `status` with the CAMARA code in `message`", _refuse),
}


@dataclass(frozen=True)
class OperatorApi:
    books: Books
    numbers: Numbers
    faults: Faults
    delay: float = 0.0
    # The bearer token that callers must have. Empty: anybody may call.
    token: str = ""
    code_lifetime: float = 600.0

    def routes(self) -> list[Route]:
        number = {"phoneNumber": camara.NUMBER}
        age, since = {**number, "maxAge": camara.AGE}, {**number, "specifiedDate": camara.DATE}
        sending = self._view("send-code", CODE_FIELDS, self._send_code)
        validating = self._view("validate-code", ANSWER_FIELDS, self._validate_code)
        return [
            route("POST", "/one-time-password-sms/v1/send-code", sending),
            route("POST", "/one-time-password-sms/v1/validate-code", validating),
            route("POST", "/sim-swap/v2/check", self._view("sim-swap", age, self._check_swap)),
            route(
                "POST",
                "/sim-swap/v2/retrieve-date",
                self._view("sim-swap", number, self._swap_date),
            ),
            route(
                "POST",
                "/number-recycling/v0.2/check",
                self._view("number-recycling", since, self._check_recycling),
            ),
            route("POST", "/numbers", self._store_number),
        ]

    def _view(self, function: str, fields: Mapping[str, Field], work: Work) -> View:
        def answer(request: Request) -> Answer:
            try:
                camara.check_caller(request, self.token)
                body = camara.parse_body(request, fields)
            except CamaraRefusal as refusal:
                return camara.with_correlator(camara.refusal_answer(refusal), request)
            time.sleep(self.delay)
            given = run_with_faults(
                self.faults, function, API_KINDS, work=lambda: self._work(function, body, work)
            )
            return camara.with_correlator(given, request)

        return answer

    def _work(self, function: str, body: dict[str, Any], work: Work) -> Answer:
        """Do the work in one transaction, and record the call with its answer."""
        subject = body.get("phoneNumber") or body["authenticationId"]
        with self.books.transaction():
            try:
                given, answered = work(body), "ok"
            except CamaraRefusal as refusal:
                is_general = refusal.code == "NOT_FOUND"
                given = camara.refusal_answer(refusal, "" if is_general else PREFIX)
                answered = refusal.code
            self.numbers.record(function, subject, answered)
        return given

    def _send_code(self, body: dict[str, Any]) -> Answer:
        number = self._known(body["phoneNumber"])
        if number.sms in REFUSED_SMS:
            raise CamaraRefusal(HTTPStatus.FORBIDDEN, REFUSED_SMS[number.sms])
        hour_ago = datetime.now(UTC) - timedelta(hours=1)
        if self.numbers.count_codes(number.phone_number, hour_ago) >= CODE_LIMIT:
            raise CamaraRefusal(HTTPStatus.FORBIDDEN, "MAX_OTP_CODES_EXCEEDED")
        identifier, code = self.numbers.new_code(number.phone_number)
        text = body["message"].replace("{{code}}", code)
        message = {"id": identifier, "to": number.phone_number, "text": text}
        self.books.deliver({"subject": "", "language": "", **message})
        return json_answer({"authenticationId": identifier})

    def _validate_code(self, body: dict[str, Any]) -> Answer:
        identifier = body["authenticationId"]
        sent = self.numbers.find_code(identifier)
        if sent is None:
            raise CamaraRefusal(HTTPStatus.NOT_FOUND, "NOT_FOUND")
        age = datetime.now(UTC) - datetime.fromisoformat(sent["sentAt"])
        if sent["state"] == "failed":
            raise CamaraRefusal(HTTPStatus.BAD_REQUEST, "VERIFICATION_FAILED")
        if sent["state"] != "open" or age > timedelta(seconds=self.code_lifetime):
            raise CamaraRefusal(HTTPStatus.BAD_REQUEST, "VERIFICATION_EXPIRED")
        if body["code"] == sent["code"]:
            self.numbers.change_code(identifier, state="used", wrong=sent["wrong"])
            return Answer(HTTPStatus.NO_CONTENT, b"")
        wrong = sent["wrong"] + 1
        is_last = wrong == MOST_WRONG
        self.numbers.change_code(identifier, state="failed" if is_last else "open", wrong=wrong)
        code = "VERIFICATION_FAILED" if is_last else "INVALID_OTP"
        raise CamaraRefusal(HTTPStatus.BAD_REQUEST, code)

    def _check_swap(self, body: dict[str, Any]) -> Answer:
        changed_at = self._known(body["phoneNumber"]).sim_changed_at
        since = datetime.now(UTC) - timedelta(hours=body["maxAge"])
        swapped = bool(changed_at) and datetime.fromisoformat(changed_at) >= since
        return json_answer({"swapped": swapped})

    def _swap_date(self, body: dict[str, Any]) -> Answer:
        changed_at = self._known(body["phoneNumber"]).sim_changed_at
        if changed_at:
            return json_answer({"latestSimChange": changed_at})
        return json_answer({"latestSimChange": None, "monitoredPeriod": MONITORED_PERIOD})

    def _check_recycling(self, body: dict[str, Any]) -> Answer:
        changed_at = self._known(body["phoneNumber"]).subscriber_changed_at
        since = date.fromisoformat(body["specifiedDate"])
        changed = bool(changed_at) and datetime.fromisoformat(changed_at).date() > since
        return json_answer({"phoneNumChanged": changed})

    def _known(self, phone_number: str) -> Number:
        number = self.numbers.find(phone_number)
        if not number.is_ours:
            raise CamaraRefusal(HTTPStatus.NOT_FOUND, "NOT_FOUND")
        return number

    def _store_number(self, request: Request) -> Answer:
        """Store what is true of a number from now on."""
        number = _parse_number(request.json())
        with self.books.transaction():
            self.numbers.store(number)
        return json_answer({"status": "stored"}, HTTPStatus.CREATED)


def _parse_number(body: dict[str, Any]) -> Number:
    number = Number(
        body.get("phoneNumber", ""),
        sim_changed_at=body.get("simChangedAt", ""),
        subscriber_changed_at=body.get("subscriberChangedAt", ""),
        sms=body.get("sms", "allowed"),
        is_ours=body.get("isOurs", True),
    )
    times = [number.sim_changed_at, number.subscriber_changed_at]
    if not (
        camara.NUMBER.is_valid(number.phone_number)
        and all(not text or _is_time(text) for text in times)
        and number.sms in {"allowed", *REFUSED_SMS}
        and isinstance(number.is_ours, bool)
    ):
        raise HttpRefusal(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_number")
    return number


def _is_time(text: Any) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except (TypeError, ValueError):
        return False
