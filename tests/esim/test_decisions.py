"""`esim.domain.decisions`: for every function and answer, the portal does what the table says.

Every function gets every answer over HTTP. The answers are listed here, from
docs/es2plus.md#functions. What must follow is read from the table. A row without an answer fails,
and so does an answer without a row.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from pytest_django.fixtures import Settings

from esim.domain import pool, provisioning
from esim.domain.decisions import (
    ALERTING,
    BY_CODES,
    BY_OUTCOME,
    BY_REASON,
    DEFAULT,
    WITHOUT_EFFECT,
    Decision,
)
from esim.domain.provisioning import OutOfStock, ProfileRefused, SmdpUnavailable
from esim.es2plus.functions import FUNCTIONS
from esim.models import Es2Call, Profile
from esim.states import ProfileState
from tests.builders import EID, OTHER_EID, make_pool
from tests.peer import (
    Answer,
    Behaviour,
    Close,
    Peer,
    answering,
    echo,
    executed,
    hanging_up,
    succeed,
)

pytestmark = pytest.mark.django_db
Outcome = Es2Call.Outcome

# The codes of docs/es2plus.md#functions, those of later versions included.
DOCUMENTED = {
    "downloadOrder": "8.2.1/3.9 8.2.1/1.2 8.2.1/3.3 8.2.5/3.9 8.2.5/1.2 8.2.5/3.7 8.2.5/3.8",
    "confirmOrder": "8.2.1/3.9 8.2.1/1.2 8.2.1/3.3 8.2.1/3.5 8.2.6/3.3 8.2.6/2.1 8.9/5.1 8.9/4.2"
    " 8.1.1/2.2 8.1.1/3.10",
    "cancelOrder": "8.2.1/3.9 8.2.1/1.2 8.2.1/3.3 8.2.1/3.10 8.2.1/2.2 8.2.6/3.10 8.2.6/2.2"
    " 8.1.1/2.2",
    "releaseProfile": "8.2.1/3.9 8.2.1/1.2 8.2.1/3.5",
}
ALREADY = {"downloadOrder": "8.2.1/3.3", "confirmOrder": "8.2.6/3.3"}
JSON, HTML = {"Content-Type": "application/json"}, {"Content-Type": "text/html"}
LATE = 0.5


def answers_with(
    content: bytes = b"", status: int = 200, headers: dict[str, str] | None = None
) -> Behaviour:
    return lambda _body: Answer(content, status, headers or {})


def closes(*, after: float = 0, is_reset: bool = False) -> Behaviour:
    return lambda _body: Close(after, is_reset)


def with_status(status: str, codes: str = "") -> Behaviour:
    subject, _slash, reason = codes.partition("/")
    named = {"subject": subject, "reason": reason} if codes else {}
    return lambda body: executed(echo(body), status, **named)


def succeeds_except(**fields: object) -> Behaviour:
    """Answer correctly except for these fields; None leaves a field out."""

    def behave(body: dict[str, Any]) -> Answer:
        answer = {**echo(body), **fields}
        return executed({name: value for name, value in answer.items() if value is not None})

    return behave


# The answers that any function may get, with their classes (docs/es2plus.md#errors).
ANSWERS: dict[str, tuple[Behaviour, Es2Call.Outcome]] = {
    "success": (succeed, Outcome.SUCCESS),
    "warning": (with_status("Executed-WithWarning", "8.2/4.3"), Outcome.WARNING),
    "expired": (with_status("Expired"), Outcome.EXPIRED),
    "expired with codes": (with_status("Expired", "8.2.1/3.3"), Outcome.EXPIRED),
    "late, after the function was executed": (closes(after=LATE), Outcome.NO_ANSWER),
    "closed without an answer": (closes(), Outcome.NO_ANSWER),
    "reset": (closes(is_reset=True), Outcome.NO_ANSWER),
    "400": (answers_with(b"<html>bad</html>", 400, HTML), Outcome.REFUSED),
    "400 for the client certificate": (
        answers_with(b"<h1>The SSL certificate error</h1>", 400, HTML),
        Outcome.MISCONFIGURED,
    ),
    "401": (answers_with(status=401), Outcome.MISCONFIGURED),
    "404, a wrong prefix": (answers_with(status=404), Outcome.MISCONFIGURED),
    "408": (answers_with(status=408), Outcome.COME_BACK),
    "429": (answers_with(status=429), Outcome.COME_BACK),
    "500 with HTML": (answers_with(b"<html>", 500, HTML), Outcome.COME_BACK),
    "503": (answers_with(status=503, headers={"Retry-After": "1"}), Outcome.COME_BACK),
    "302": (
        answers_with(status=302, headers={"Location": "http://127.0.0.1:9/"}),
        Outcome.MISCONFIGURED,
    ),
    "202": (answers_with(status=202), Outcome.UNREADABLE),
    "HTML": (answers_with(b"<html>", headers=HTML), Outcome.UNREADABLE),
    "JSON with the content type of HTML": (
        lambda body: replace(succeed(body), headers=HTML),
        Outcome.UNREADABLE,
    ),
    "half of the JSON": (
        lambda body: replace(succeed(body), content=succeed(body).content[:-9]),
        Outcome.UNREADABLE,
    ),
    "no header": (answers_with(b'{"iccid": "8944"}', headers=JSON), Outcome.UNREADABLE),
    "unknown status": (with_status("Executed-Perhaps"), Outcome.UNREADABLE),
    "a later protocol": (
        lambda body: replace(
            succeed(body), headers={**JSON, "X-Admin-Protocol": "gsma/rsp/v3.1.0"}
        ),
        Outcome.SUCCESS,
    ),
    "no version in the protocol": (
        lambda body: replace(succeed(body), headers={**JSON, "X-Admin-Protocol": "rsp"}),
        Outcome.SUCCESS,
    ),
    "failed without codes": (with_status("Failed"), Outcome.FAILED),
}
# Contradictions that only one function can have.
CONTRADICTIONS: dict[str, dict[str, Behaviour]] = {
    "downloadOrder": {
        "another ICCID": succeeds_except(iccid="8988999999999999993"),
        "no ICCID": succeeds_except(iccid=None),
        "an ICCID that is a number": succeeds_except(iccid=8949449999999990023),
    },
    "confirmOrder": {
        "another matching id": succeeds_except(matchingId="NOT-WHAT-WAS-SENT"),
        "no matching id": succeeds_except(matchingId=None),
        "another EID": succeeds_except(eid=OTHER_EID),
        "a confirmation code": succeeds_except(ccRequiredFlag=True),
        "no host name": succeeds_except(smdpAddress="https://smdp.example/"),
    },
}
# Codes that no function lists, and the decisions that follow.
OTHER_CODES = {"8.10.1/5.1": BY_REASON["5.1"], "8.1/4.2": BY_REASON["4.2"], "8.8/9.9": DEFAULT}
NAMES = [function.name for function in FUNCTIONS]


@dataclass(frozen=True)
class Case:
    """A function, an answer to it, and the decision of the table."""

    function: str
    answer: str
    behaviour: Behaviour
    outcome: Es2Call.Outcome
    decision: Decision
    codes: str = ""

    def __str__(self) -> str:
        return f"{self.function}, {self.answer}"


def _cases() -> Iterator[Case]:
    for function in NAMES:
        for answer, (behaviour, outcome) in ANSWERS.items():
            decision = DEFAULT if outcome == Outcome.FAILED else BY_OUTCOME[outcome]
            yield Case(function, answer, behaviour, outcome, decision)
        for answer, behaviour in CONTRADICTIONS.get(function, {}).items():
            outcome = Outcome.CONTRADICTION
            yield Case(function, answer, behaviour, outcome, BY_OUTCOME[outcome])
        own = BY_CODES[function]
        known = {code: own[_pair(code)] for code in DOCUMENTED[function].split()}
        for codes, decision in {**OTHER_CODES, **known}.items():
            failed = with_status("Failed", codes)
            yield Case(function, codes, failed, Outcome.FAILED, decision, codes)


def _pair(codes: str) -> tuple[str, str]:
    subject, _slash, reason = codes.partition("/")
    return subject, reason


CASES = list(_cases())


def test_the_table_has_exactly_the_documented_codes() -> None:
    rows = {name: {"/".join(codes) for codes in own} for name, own in BY_CODES.items()}

    assert rows == {name: set(codes.split()) for name, codes in DOCUMENTED.items()}


def test_every_class_of_answers_has_a_row_and_a_case() -> None:
    outcomes = {case.outcome for case in CASES} | {Outcome.NOT_SENT}

    assert outcomes == set(BY_OUTCOME) | {Outcome.FAILED} == set(Outcome) - {Outcome.UNANSWERED}


def test_every_decision_has_a_case() -> None:
    assert {case.decision for case in CASES} == set(Decision)


@dataclass(frozen=True)
class Result:
    """The result of a call: error or None, the profile's state, and whether staff are alerted."""

    error: type[Exception] | None
    state: ProfileState
    alerts_staff: bool = False


REFUSED = ProfileState.REFUSED
BEFORE = {
    "downloadOrder": ProfileState.INTENDED,
    "confirmOrder": ProfileState.RESERVED,
    "cancelOrder": ProfileState.RELEASED,
    "releaseProfile": ProfileState.RELEASED,
}


def _expected(function: str, decision: Decision) -> Result:
    """Return the result of a decision for a profile with only this call."""
    state = BEFORE[function]
    if decision in {Decision.RETRY, Decision.ASK}:
        return Result(SmdpUnavailable, state)
    if function == "cancelOrder":
        cancelled = Result(None, ProfileState.CANCELLED)
        return {
            Decision.GO_ON: cancelled,
            Decision.ALREADY_DONE: cancelled,
            Decision.WITHOUT_MATCHING_ID: cancelled,
            Decision.DOWNLOADED: Result(None, ProfileState.DOWNLOADED),
            Decision.STAFF: Result(SmdpUnavailable, state, alerts_staff=True),
        }[decision]
    if function == "releaseProfile":
        released = Result(None, state)
        return {
            Decision.GO_ON: released,
            Decision.ALREADY_DONE: released,
            Decision.STAFF: Result(ProfileRefused, state, alerts_staff=True),
        }[decision]
    return {
        Decision.GO_ON: Result(None, ProfileState.RELEASED),
        # The portal made no earlier call, so the profile is somebody else's.
        Decision.ALREADY_DONE: Result(ProfileRefused, REFUSED, alerts_staff=True),
        Decision.OUT_OF_STOCK: Result(OutOfStock, REFUSED),
        Decision.REFUSE: Result(ProfileRefused, REFUSED),
        Decision.STAFF: Result(ProfileRefused, REFUSED, alerts_staff=True),
    }[decision]


@pytest.fixture(scope="module")
def served() -> Iterator[Peer]:
    """Return one peer for all tests of this module."""
    with answering(Peer()) as peer:
        yield peer


@pytest.fixture
def peer(served: Peer, settings: Settings) -> Peer:
    """Point the portal at the peer, without earlier requests and with successful answers."""
    served.next, served.requests = [], []
    settings.SMDP_URL = served.url
    return served


def prepared(function: str) -> Profile:
    """Return a profile for which this function is next, without an earlier call of it."""
    make_pool(1)
    profile = pool.intend(eid=EID, profile_type="consumer")
    Profile.objects.filter(pk=profile.pk).update(state=BEFORE[function])
    if function == "cancelOrder":
        record_earlier_call(profile, "downloadOrder", Outcome.SUCCESS)
    return Profile.objects.select_related("sim", "provider").get(pk=profile.pk)


def record_earlier_call(profile: Profile, function: str, outcome: Es2Call.Outcome) -> None:
    Es2Call.objects.create(
        profile=profile, function=function, call_identifier=uuid4(), request={}, outcome=outcome
    )


def perform(function: str, profile: Profile) -> None:
    commands: dict[str, Callable[..., object]] = {
        "cancelOrder": provisioning.cancel,
        "releaseProfile": provisioning.release,
    }
    commands.get(function, provisioning.make_ready)(profile, before_call=lambda: None)


def result_of(function: str, profile: Profile) -> Result:
    error: type[Exception] | None = None
    try:
        perform(function, profile)
    except (SmdpUnavailable, ProfileRefused) as raised:
        error = type(raised)
    now = Profile.objects.get(pk=profile.pk)
    assert now.staff_alert.startswith(function) or not now.staff_alert
    return Result(error, ProfileState(now.state), alerts_staff=bool(now.staff_alert))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_portal_does_what_the_table_says(peer: Peer, case: Case) -> None:
    profile = prepared(case.function)
    if case.answer.startswith("late"):
        profile.provider.timeout = LATE / 2
    peer.next = [case.behaviour]

    result = result_of(case.function, profile)

    call = profile.calls.filter(function=case.function).earliest("pk")
    assert call.outcome == case.outcome
    assert f"{call.subject_code}/{call.reason_code}".strip("/") in {
        case.codes,
        "8.2/4.3",
        "8.2.1/3.3",
    }
    expected = _expected(case.function, case.decision)
    assert result == replace(expected, alerts_staff=expected.alerts_staff or alerts(case.outcome))


def alerts(outcome: Es2Call.Outcome) -> bool:
    """Return whether staff are alerted although the call is repeated."""
    return outcome in ALERTING


FAILURES = {
    "no server": "http://127.0.0.1:9",
    "no such host": "https://smdp.invalid",
    "no address": "",
}


@pytest.mark.parametrize("failure", [*FAILURES, "a TLS handshake that is cut off"])
@pytest.mark.parametrize("function", NAMES)
def test_a_call_that_was_not_sent_is_made_again(
    peer: Peer, settings: Settings, function: str, failure: str
) -> None:
    profile = prepared(function)
    with ExitStack() as stack:
        url = FAILURES[failure] if failure in FAILURES else stack.enter_context(hanging_up())
        settings.SMDP_URL = url
        result = result_of(function, profile)

    call = profile.calls.filter(function=function).get()
    assert (call.outcome, bool(call.detail)) == (Outcome.NOT_SENT, True)
    # Only staff can correct an address.
    is_setting = failure == "no address"
    expected = _expected(function, BY_OUTCOME[Outcome.NOT_SENT])
    assert result == replace(expected, alerts_staff=is_setting)


@pytest.mark.parametrize("function", ALREADY)
@pytest.mark.parametrize("earlier", [outcome for outcome in Outcome if outcome != Outcome.SUCCESS])
def test_already_is_a_success_only_after_a_call_that_may_have_done_it(
    peer: Peer, function: str, earlier: Es2Call.Outcome
) -> None:
    profile = prepared(function)
    record_earlier_call(profile, function, earlier)
    peer.next = [with_status("Failed", ALREADY[function])]

    result = result_of(function, profile)

    # After a contradiction the function was executed, but not as requested.
    is_success = earlier not in WITHOUT_EFFECT | {Outcome.CONTRADICTION}
    decision = Decision.GO_ON if is_success else Decision.STAFF
    assert result == _expected(function, decision)


def test_the_cancel_is_repeated_without_a_matching_id_that_is_not_bound(peer: Peer) -> None:
    peer.next = [with_status("Failed", "8.2.6/3.10")]
    profile = prepared("cancelOrder")

    perform("cancelOrder", profile)

    first, second = (request.body for request in peer.requests)
    assert first["matchingId"] == profile.matching_id
    assert first["eid"] == second["eid"] == EID
    assert "matchingId" not in second
    assert first["finalProfileStatusIndicator"] == "Unavailable"


@pytest.mark.parametrize("codes", ["8.2.6/3.10", "8.2.6/2.2"])
def test_a_profile_with_another_matching_id_is_not_cancelled(peer: Peer, codes: str) -> None:
    peer.next = [with_status("Failed", "8.2.6/3.10"), with_status("Failed", codes)]

    result = result_of("cancelOrder", prepared("cancelOrder"))

    assert result == _expected("cancelOrder", Decision.STAFF)


def test_already_released_is_not_believed_before_the_confirmation(
    peer: Peer,
) -> None:
    profile = prepared("confirmOrder")
    peer.next = [with_status("Failed", "8.2.1/3.5")]

    assert result_of("releaseProfile", profile).error is ProfileRefused


@pytest.mark.parametrize("status", [429, 503])
def test_the_requested_pause_is_handed_on(peer: Peer, status: int) -> None:
    profile = prepared("downloadOrder")
    peer.next = [answers_with(status=status, headers={"Retry-After": "7"})]

    with pytest.raises(SmdpUnavailable) as unavailable:
        perform("downloadOrder", profile)

    assert unavailable.value.retry_after == timedelta(seconds=7)


def test_the_reason_of_a_refusal_is_known_later_too(peer: Peer) -> None:
    profile = prepared("downloadOrder")
    peer.next = [with_status("Failed", "8.2.5/3.7")]

    for _ in range(2):
        with pytest.raises(OutOfStock, match=r"8\.2\.5/3\.7"):
            perform("downloadOrder", profile)

    assert peer.functions == ["downloadOrder"]


def test_the_staff_alert_has_neither_device_identifiers_nor_secrets(peer: Peer) -> None:
    profile = prepared("confirmOrder")
    peer.next = [lambda body: Answer(str(body).encode(), 400)]

    result_of("confirmOrder", profile)

    profile.refresh_from_db()
    assert "HTTP 400" in profile.staff_alert
    for secret in (profile.matching_id, profile.eid, profile.sim.iccid):
        assert secret not in profile.staff_alert
