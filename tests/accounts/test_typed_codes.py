"""Codes of the operator's that customers typed: a worker asks the service, over HTTP."""

from datetime import timedelta

import pytest
import time_machine
from django.db.models import TextField
from django.db.models.functions import Cast
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.domain import addresses, codes, operator_codes, typed_codes
from accounts.models import CodeRequest, CodeServiceCall, TypedCode, User
from accounts.models.codes import MOST_TRIES
from accounts.states import CodeState, Purpose, TypedVerdict
from accounts.views.codes import phase_of
from outbox.domain import RetryAfter
from outbox.models import Task
from tests.accounts.codes import a_request, prove
from tests.accounts.service import (
    NUMBER,
    Asked,
    code_on,
    outcomes,
    process,
    process_typed,
    texts,
    type_and_process,
    type_code,
    wrong,
)
from tests.conftest import PASSWORD
from tests.processing import process_task
from tests.providers import break_it


@pytest.fixture(autouse=True)
def service(operator_api: str, settings: Settings) -> str:
    """Let the operator make the codes. Numbers are not checked here."""
    settings.NUMBER_CHECKS = ""
    return operator_api


@pytest.fixture
def asked(alice: User) -> Asked:
    """Return a browser that asked for a code to prove a number, and the request's row."""
    request = a_request()
    return request, codes.request_code(request, Purpose.PROVE, NUMBER, account=alice)


def test_a_request_without_an_account_takes_the_same_steps_without_a_call(
    alice: User, service: str
) -> None:
    request = a_request()
    row = codes.request_recovery_code(request, NUMBER)

    assert process(row) is None
    assert process(row) is None

    assert row.state == CodeState.SENDING
    assert texts(service) == []
    verdicts = [type_and_process(request, "123456", Purpose.RECOVER) for _ in range(MOST_TRIES)]
    assert verdicts == [TypedVerdict.WRONG] * MOST_TRIES
    assert not CodeServiceCall.objects.exists()


def test_a_right_code_proves_the_number_when_the_customer_goes_on(
    alice: User, asked: Asked, service: str
) -> None:
    request, row = asked
    process(row)
    code = code_on(service)

    typed = type_code(request, f" {code[:3]}-{code[3:]} ")
    assert typed_codes.is_being_checked(row)
    assert typed_codes.verdict_of(row) is None
    assert str(typed) == "being checked"
    process_typed()

    assert typed_codes.verdict_of(row) == TypedVerdict.RIGHT
    assert not typed_codes.is_being_checked(row)
    typed.refresh_from_db()
    assert (typed.code, str(typed)) == ("", "right")
    found = codes.check_code(request, Purpose.PROVE, "", account=alice)
    assert addresses.prove(request, alice, found).proven_at
    with pytest.raises(codes.CodeOver):
        codes.check_code(request, Purpose.PROVE, code, account=alice)


def test_an_answer_that_comes_while_the_page_is_made_is_shown(asked: Asked, service: str) -> None:
    request, row = asked
    process(row)
    read_by_the_page = CodeRequest.objects.get(pk=row.pk)
    type_and_process(request, code_on(service))

    assert phase_of(read_by_the_page) == "accepted"


def test_a_code_that_was_right_opens_nothing_in_another_browser(asked: Asked, service: str) -> None:
    request, row = asked
    process(row)
    type_and_process(request, code_on(service))

    with pytest.raises(codes.CodeOver):
        codes.check_code(a_request(), Purpose.PROVE, code_on(service))
    assert codes.check_code(request, Purpose.PROVE, "") == row


def test_the_last_try_may_be_the_right_one(asked: Asked, service: str) -> None:
    request, row = asked
    process(row)
    CodeRequest.objects.update(tries=MOST_TRIES - 1)

    type_and_process(request, code_on(service))

    assert codes.check_code(request, Purpose.PROVE, code_on(service)) == row


def test_a_typed_code_is_sealed_until_it_is_checked(asked: Asked, service: str) -> None:
    request, row = asked
    process(row)
    type_code(request, "123456")

    stored = TypedCode.objects.annotate(stored=Cast("code", TextField())).values_list("stored")
    assert "123456" not in str(stored)
    assert TypedCode.objects.get().code == "123456"


def test_a_wrong_code_may_be_followed_by_the_right_one(asked: Asked, service: str) -> None:
    request, row = asked
    process(row)

    assert type_and_process(request, wrong(code_on(service))) == TypedVerdict.WRONG
    assert type_and_process(request, code_on(service)) == TypedVerdict.RIGHT


def test_too_many_wrong_codes_end_the_request(asked: Asked, service: str) -> None:
    request, row = asked
    process(row)

    verdicts = [type_and_process(request, wrong(code_on(service))) for _ in range(3)]

    assert verdicts == [TypedVerdict.WRONG, TypedVerdict.WRONG, TypedVerdict.FAILED]
    row.refresh_from_db()
    assert row.state == CodeState.LAPSED
    with pytest.raises(codes.CodeOver):
        codes.check_code(request, Purpose.PROVE, code_on(service))


def test_who_comes_back_does_not_learn_that_the_service_has_given_up(
    alice: User, service: str
) -> None:
    request = a_request()
    row = codes.request_code(request, Purpose.RECOVER, NUMBER, account=alice)
    process(row)

    for _ in range(3):
        type_and_process(request, wrong(code_on(service)), Purpose.RECOVER)

    row.refresh_from_db()
    assert row.state == CodeState.SENT


@pytest.mark.parametrize("typed", ["", "   ", "12345678901", "…"])
def test_what_cannot_be_a_code_is_wrong_without_a_question(
    asked: Asked, service: str, typed: str
) -> None:
    request, row = asked
    process(row)

    assert type_and_process(request, typed) == TypedVerdict.WRONG
    assert outcomes(row, "check") == []


@pytest.mark.parametrize("fault", ["drop_before", "http_500", "html"])
def test_a_question_without_an_answer_is_repeated(asked: Asked, service: str, fault: str) -> None:
    request, row = asked
    process(row)
    break_it(service, "validate-code", fault)
    type_code(request, code_on(service))

    assert isinstance(process_typed(), RetryAfter)
    assert typed_codes.is_being_checked(row)
    assert process_typed() is None

    assert typed_codes.verdict_of(row) == TypedVerdict.RIGHT


def test_a_code_that_was_used_up_by_a_lost_answer_proves_nothing(
    asked: Asked, service: str
) -> None:
    request, row = asked
    process(row)
    break_it(service, "validate-code", "drop_after")
    type_code(request, code_on(service))

    assert isinstance(process_typed(), RetryAfter)
    assert process_typed() is None

    row.refresh_from_db()
    assert typed_codes.verdict_of(row) == TypedVerdict.UNKNOWN
    assert row.state == CodeState.LAPSED


def test_after_a_minute_without_an_answer_the_customer_asks_for_a_new_code(
    asked: Asked, service: str, settings: Settings
) -> None:
    request, row = asked
    process(row)
    type_code(request, code_on(service))
    settings.ONE_TIME_PASSWORD_URL = "http://127.0.0.1:9"
    assert isinstance(process_typed(), RetryAfter)

    with time_machine.travel(now() + typed_codes.RETRY_FOR):
        assert process_typed() is None

    row.refresh_from_db()
    assert typed_codes.verdict_of(row) == TypedVerdict.UNKNOWN
    assert row.state == CodeState.LAPSED


def test_a_worker_that_takes_over_finds_the_verdict(asked: Asked, service: str) -> None:
    request, row = asked
    process(row)
    typed = type_code(request, code_on(service))
    typed.calls.create(request=row, operation="check", outcome="answered")

    process_typed()

    assert typed_codes.verdict_of(row) == TypedVerdict.RIGHT
    assert outcomes(row, "check") == ["answered"]


def test_a_code_typed_before_its_sending_is_answered_waits(asked: Asked, service: str) -> None:
    request, row = asked
    break_it(service, "send-code", "drop_after")
    process(row)
    type_code(request, code_on(service))

    assert isinstance(process_typed(), RetryAfter)
    process(row)
    assert process_typed() is None

    # The second SMS has replaced the first one.
    assert typed_codes.verdict_of(row) == TypedVerdict.WRONG


def test_a_code_of_a_request_that_was_refused_or_is_over_has_expired(
    asked: Asked, service: str
) -> None:
    request, row = asked
    process(row)
    type_code(request, code_on(service))
    CodeServiceCall.objects.all().delete()
    process_typed()
    assert typed_codes.verdict_of(row) == TypedVerdict.EXPIRED

    CodeRequest.objects.update(state=CodeState.SENT, ended_at=None)
    type_code(request, code_on(service))
    with time_machine.travel(now() + timedelta(minutes=11)):
        process_typed()
    assert typed_codes.verdict_of(row) == TypedVerdict.EXPIRED
    assert outcomes(row, "check") == []


def test_of_two_codes_typed_at_once_the_first_is_checked(asked: Asked, service: str) -> None:
    request, row = asked
    process(row)

    first = type_code(request, code_on(service))
    type_code(request, wrong(code_on(service)))

    assert TypedCode.objects.get() == first
    assert Task.objects.filter(kind=typed_codes.KIND).count() == 1


def test_a_verdict_is_given_once(asked: Asked, service: str) -> None:
    request, row = asked
    process(row)
    typed = type_code(request, code_on(service))
    TypedCode.objects.update(verdict=TypedVerdict.WRONG, code="")

    assert process_typed() is None
    typed_codes._finish(typed, TypedVerdict.RIGHT)  # noqa: SLF001 -- a worker that lost the race

    row.refresh_from_db()
    assert (typed_codes.verdict_of(row), row.digest) == (TypedVerdict.WRONG, "")


def test_a_deleted_request_is_checked_no_more(asked: Asked, service: str) -> None:
    request, row = asked
    process(row)
    typed = type_code(request, code_on(service))
    CodeRequest.objects.all().delete()

    assert process_task(typed_codes.KIND, typed.pk) is None


def test_a_setting_that_was_removed_leaves_the_code_unchecked(
    asked: Asked, service: str, settings: Settings
) -> None:
    request, row = asked
    process(row)
    type_code(request, code_on(service))
    settings.CODE_SERVICE = ""

    assert isinstance(process_typed(), RetryAfter)
    assert outcomes(row, "check") == []
    with pytest.raises(codes.WrongCode):
        codes.check_code(request, Purpose.PROVE, code_on(service))


def test_a_customer_comes_back_by_the_operators_code(alice: User, service: str) -> None:
    password = "another long pass phrase"
    request = a_request()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operator_codes, "makes_code_for", lambda _address: False)
        prove(alice, NUMBER)
    row = codes.request_recovery_code(request, NUMBER)
    process(row)
    code = code_on(service)

    with pytest.raises(codes.CodeBeingChecked):
        codes.recover(request, code, password=password)
    process_typed()
    codes.recover(request, "", password=password)

    alice.refresh_from_db()
    assert alice.check_password(password)
    assert not alice.check_password(PASSWORD)
    with pytest.raises(codes.CodeOver):
        codes.recover(request, code, password=PASSWORD)
