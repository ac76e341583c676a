"""`esim.domain.decisions`: every function does what the table says about every answer.

Every function gets every answer over HTTP. The answers are listed here, from
docs/es2plus.md#functions; what must be done is read from the table. A row without a test fails, and
so does an answer without a row.
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
from esim.domain.decisions import BY_CODES, BY_OUTCOME, BY_REASON, DEFAULT, WITHOUT_EFFECT, Decision
from esim.domain.provisioning import OutOfStock, ProfileRefused, SmdpUnavailable
from esim.es2plus.client import FUNCTIONS
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

# Section 4 and, where it says "later versions", the public table of codes.
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


def says(
    content: bytes = b"", status: int = 200, headers: dict[str, str] | None = None
) -> Behaviour:
    return lambda _body: Answer(content, status, headers or {})


def closes(*, after: float = 0, is_reset: bool = False) -> Behaviour:
    return lambda _body: Close(after, is_reset)


def with_status(status: str, codes: str = "") -> Behaviour:
    subject, _slash, reason = codes.partition("/")
    named = {"subject": subject, "reason": reason} if codes else {}
    return lambda body: executed(echo(body), status, **named)


def but(**fields: object) -> Behaviour:
    """Return an answer that is right but for these fields; None leaves one out."""

    def behave(body: dict[str, Any]) -> Answer:
        said = {**echo(body), **fields}
        return executed({name: value for name, value in said.items() if value is not None})

    return behave


# What any function may get, and its class in docs/es2plus.md#errors.
ANSWERS: dict[str, tuple[Behaviour, Es2Call.Outcome]] = {
    "success": (succeed, Outcome.SUCCESS),
    "warning": (with_status("Executed-WithWarning", "8.2/4.3"), Outcome.WARNING),
    "expired": (with_status("Expired"), Outcome.EXPIRED),
    "expired with codes": (with_status("Expired", "8.2.1/3.3"), Outcome.EXPIRED),
    "late, its work done": (closes(after=LATE), Outcome.NO_ANSWER),
    "closed without a word": (closes(), Outcome.NO_ANSWER),
    "reset": (closes(is_reset=True), Outcome.NO_ANSWER),
    "400": (says(b"<html>bad</html>", 400, HTML), Outcome.REFUSED),
    "401": (says(status=401), Outcome.REFUSED),
    "404, a wrong prefix": (says(status=404), Outcome.REFUSED),
    "408": (says(status=408), Outcome.COME_BACK),
    "429": (says(status=429), Outcome.COME_BACK),
    "500 with HTML": (says(b"<html>", 500, HTML), Outcome.COME_BACK),
    "503": (says(status=503, headers={"Retry-After": "1"}), Outcome.COME_BACK),
    "302": (says(status=302, headers={"Location": "http://127.0.0.1:9/"}), Outcome.UNREADABLE),
    "202": (says(status=202), Outcome.UNREADABLE),
    "HTML": (says(b"<html>", headers=HTML), Outcome.UNREADABLE),
    "JSON said to be HTML": (
        lambda body: replace(succeed(body), headers=HTML),
        Outcome.UNREADABLE,
    ),
    "half of it": (
        lambda body: replace(succeed(body), content=succeed(body).content[:-9]),
        Outcome.UNREADABLE,
    ),
    "no header": (says(b'{"iccid": "8944"}', headers=JSON), Outcome.UNREADABLE),
    "unknown status": (with_status("Executed-Perhaps"), Outcome.UNREADABLE),
    "another protocol": (
        lambda body: replace(
            succeed(body), headers={**JSON, "X-Admin-Protocol": "gsma/rsp/v3.0.0"}
        ),
        Outcome.UNREADABLE,
    ),
    "failed without codes": (with_status("Failed"), Outcome.FAILED),
}
# What only one function can contradict itself in.
CONTRADICTIONS: dict[str, dict[str, Behaviour]] = {
    "downloadOrder": {
        "another ICCID": but(iccid="8988999999999999993"),
        "no ICCID": but(iccid=None),
        "an ICCID that is a number": but(iccid=8949449999999990023),
    },
    "confirmOrder": {
        "another matching id": but(matchingId="NOT-WHAT-WAS-SENT"),
        "no matching id": but(matchingId=None),
        "another EID": but(eid=OTHER_EID),
        "a confirmation code": but(ccRequiredFlag=True),
        "no host name": but(smdpAddress="https://smdp.example/"),
    },
}
# Codes that no function has of its own, and what is then done.
OTHER_CODES = {"8.10.1/5.1": BY_REASON["5.1"], "8.1/4.2": BY_REASON["4.2"], "8.8/9.9": DEFAULT}
NAMES = [function.name for function in FUNCTIONS]


@dataclass(frozen=True)
class Met:
    """One function that meets one answer, and what the table says is done."""

    function: str
    answer: str
    behaviour: Behaviour
    outcome: Es2Call.Outcome
    decision: Decision
    codes: str = ""

    def __str__(self) -> str:
        return f"{self.function}, {self.answer}"


def _meetings() -> Iterator[Met]:
    for function in NAMES:
        for answer, (behaviour, outcome) in ANSWERS.items():
            decision = DEFAULT if outcome == Outcome.FAILED else BY_OUTCOME[outcome]
            yield Met(function, answer, behaviour, outcome, decision)
        for answer, behaviour in CONTRADICTIONS.get(function, {}).items():
            outcome = Outcome.CONTRADICTION
            yield Met(function, answer, behaviour, outcome, BY_OUTCOME[outcome])
        own = BY_CODES[function]
        known = {code: own[_pair(code)] for code in DOCUMENTED[function].split()}
        for codes, decision in {**OTHER_CODES, **known}.items():
            failed = with_status("Failed", codes)
            yield Met(function, codes, failed, Outcome.FAILED, decision, codes)


def _pair(codes: str) -> tuple[str, str]:
    subject, _slash, reason = codes.partition("/")
    return subject, reason


MEETINGS = list(_meetings())


def test_every_documented_code_has_its_row_and_no_other() -> None:
    rows = {name: {"/".join(codes) for codes in own} for name, own in BY_CODES.items()}

    assert rows == {name: set(codes.split()) for name, codes in DOCUMENTED.items()}


def test_every_class_of_answer_is_met_and_has_its_row() -> None:
    met = {meeting.outcome for meeting in MEETINGS} | {Outcome.NOT_SENT}

    assert met == set(BY_OUTCOME) | {Outcome.FAILED} == set(Outcome) - {Outcome.UNANSWERED}


def test_every_decision_is_met() -> None:
    assert {meeting.decision for meeting in MEETINGS} == set(Decision)


@dataclass(frozen=True)
class Came:
    """What came of it: the error if any, the profile's state, and whether staff are told."""

    error: type[Exception] | None
    state: ProfileState
    is_for_staff: bool = False


REFUSED = ProfileState.REFUSED
BEFORE = {
    "downloadOrder": ProfileState.INTENDED,
    "confirmOrder": ProfileState.RESERVED,
    "cancelOrder": ProfileState.RELEASED,
    "releaseProfile": ProfileState.RELEASED,
}


def _expected(function: str, decision: Decision) -> Came:
    """Say what a decision means for a profile at which only this call was made."""
    state = BEFORE[function]
    if decision in {Decision.RETRY, Decision.ASK}:
        return Came(SmdpUnavailable, state)
    if function == "cancelOrder":
        cancelled = Came(None, ProfileState.CANCELLED)
        return {
            Decision.GO_ON: cancelled,
            Decision.ALREADY_DONE: cancelled,
            Decision.WITHOUT_MATCHING_ID: cancelled,
            Decision.DOWNLOADED: Came(None, ProfileState.DOWNLOADED),
            Decision.STAFF: Came(SmdpUnavailable, state, is_for_staff=True),
        }[decision]
    if function == "releaseProfile":
        released = Came(None, state)
        return {
            Decision.GO_ON: released,
            Decision.ALREADY_DONE: released,
            Decision.STAFF: Came(ProfileRefused, state, is_for_staff=True),
        }[decision]
    return {
        Decision.GO_ON: Came(None, ProfileState.RELEASED),
        # Nothing of ours was there before, so that it is somebody else's.
        Decision.ALREADY_DONE: Came(ProfileRefused, REFUSED, is_for_staff=True),
        Decision.OUT_OF_STOCK: Came(OutOfStock, REFUSED),
        Decision.REFUSE: Came(ProfileRefused, REFUSED),
        Decision.STAFF: Came(ProfileRefused, REFUSED, is_for_staff=True),
    }[decision]


@pytest.fixture(scope="module")
def served() -> Iterator[Peer]:
    """Return one peer for all tests."""
    with answering(Peer()) as peer:
        yield peer


@pytest.fixture
def peer(served: Peer, settings: Settings) -> Peer:
    """Point the portal at the peer, which has been asked nothing and does what it is asked."""
    served.next, served.requests = [], []
    settings.SMDP_URL = served.url
    return served


def prepared(function: str) -> Profile:
    """Return a profile at which this function comes next, and no call of that kind was made."""
    make_pool(1)
    profile = pool.intend(eid=EID, profile_type="consumer")
    Profile.objects.filter(pk=profile.pk).update(state=BEFORE[function])
    if function == "cancelOrder":
        ordered(profile, "downloadOrder", Outcome.SUCCESS)
    return Profile.objects.select_related("sim", "provider").get(pk=profile.pk)


def ordered(profile: Profile, function: str, outcome: Es2Call.Outcome) -> None:
    Es2Call.objects.create(
        profile=profile, function=function, call_identifier=uuid4(), request={}, outcome=outcome
    )


def done(function: str, profile: Profile) -> None:
    act: dict[str, Callable[..., object]] = {
        "cancelOrder": provisioning.cancel,
        "releaseProfile": provisioning.release,
    }
    act.get(function, provisioning.make_ready)(profile, before_call=lambda: None)


def came_of(function: str, profile: Profile) -> Came:
    error: type[Exception] | None = None
    try:
        done(function, profile)
    except (SmdpUnavailable, ProfileRefused) as raised:
        error = type(raised)
    now = Profile.objects.get(pk=profile.pk)
    assert now.staff_alert.startswith(function) or not now.staff_alert
    return Came(error, ProfileState(now.state), is_for_staff=bool(now.staff_alert))


@pytest.mark.parametrize("met", MEETINGS, ids=str)
def test_what_is_done_is_what_the_table_says(peer: Peer, met: Met) -> None:
    profile = prepared(met.function)
    if met.answer.startswith("late"):
        profile.provider.timeout = LATE / 2
    peer.next = [met.behaviour]

    came = came_of(met.function, profile)

    call = profile.calls.filter(function=met.function).earliest("pk")
    assert call.outcome == met.outcome
    assert f"{call.subject_code}/{call.reason_code}".strip("/") in {
        met.codes,
        "8.2/4.3",
        "8.2.1/3.3",
    }
    assert came == _expected(met.function, met.decision)


LINES = {
    "nobody there": "http://127.0.0.1:9",
    "no such host": "https://smdp.invalid",
    "no address": "",
}


@pytest.mark.parametrize("line", [*LINES, "a TLS handshake that ends without a word"])
@pytest.mark.parametrize("function", NAMES)
def test_what_never_got_there_is_tried_again(
    peer: Peer, settings: Settings, function: str, line: str
) -> None:
    profile = prepared(function)
    with ExitStack() as stack:
        url = LINES[line] if line in LINES else stack.enter_context(hanging_up())
        settings.SMDP_URL = url
        came = came_of(function, profile)

    call = profile.calls.filter(function=function).get()
    assert (call.outcome, bool(call.detail)) == (Outcome.NOT_SENT, True)
    assert came == _expected(function, BY_OUTCOME[Outcome.NOT_SENT])


@pytest.mark.parametrize("function", ALREADY)
@pytest.mark.parametrize("earlier", [outcome for outcome in Outcome if outcome != Outcome.SUCCESS])
def test_already_is_ours_only_after_a_call_that_may_have_done_it(
    peer: Peer, function: str, earlier: Es2Call.Outcome
) -> None:
    profile = prepared(function)
    ordered(profile, function, earlier)
    peer.next = [with_status("Failed", ALREADY[function])]

    came = came_of(function, profile)

    # What was done otherwise than asked is not what we want, though it was our call that did it.
    is_ours = earlier not in WITHOUT_EFFECT | {Outcome.CONTRADICTION}
    decision = Decision.GO_ON if is_ours else Decision.STAFF
    assert came == _expected(function, decision)


def test_asked_without_the_matching_id_only_where_ours_is_not_bound(peer: Peer) -> None:
    peer.next = [with_status("Failed", "8.2.6/3.10")]
    profile = prepared("cancelOrder")

    done("cancelOrder", profile)

    first, second = (request.body for request in peer.requests)
    assert first["matchingId"] == profile.matching_id
    assert first["eid"] == second["eid"] == EID
    assert "matchingId" not in second
    assert first["finalProfileStatusIndicator"] == "Unavailable"


@pytest.mark.parametrize("codes", ["8.2.6/3.10", "8.2.6/2.2"])
def test_what_another_matching_id_is_bound_to_is_not_cancelled(peer: Peer, codes: str) -> None:
    peer.next = [with_status("Failed", "8.2.6/3.10"), with_status("Failed", codes)]

    came = came_of("cancelOrder", prepared("cancelOrder"))

    assert came == _expected("cancelOrder", Decision.STAFF)


def test_a_release_that_is_refused_is_not_believed_of_what_was_never_confirmed(
    peer: Peer,
) -> None:
    profile = prepared("confirmOrder")
    peer.next = [with_status("Failed", "8.2.1/3.5")]

    assert came_of("releaseProfile", profile).error is ProfileRefused


@pytest.mark.parametrize("status", [429, 503])
def test_it_is_left_alone_for_as_long_as_it_asks(peer: Peer, status: int) -> None:
    profile = prepared("downloadOrder")
    peer.next = [says(status=status, headers={"Retry-After": "7"})]

    with pytest.raises(SmdpUnavailable) as unavailable:
        done("downloadOrder", profile)

    assert unavailable.value.retry_after == timedelta(seconds=7)


def test_why_a_profile_was_refused_is_known_later_too(peer: Peer) -> None:
    profile = prepared("downloadOrder")
    peer.next = [with_status("Failed", "8.2.5/3.7")]

    for _ in range(2):
        with pytest.raises(OutOfStock, match=r"8\.2\.5/3\.7"):
            done("downloadOrder", profile)

    assert peer.functions == ["downloadOrder"]


def test_what_staff_read_names_neither_device_nor_secret(peer: Peer) -> None:
    profile = prepared("confirmOrder")
    peer.next = [lambda body: Answer(str(body).encode(), 400)]

    came_of("confirmOrder", profile)

    profile.refresh_from_db()
    assert "HTTP 400" in profile.staff_alert
    for secret in (profile.matching_id, profile.eid, profile.sim.iccid):
        assert secret not in profile.staff_alert
