"""Before a code leaves by SMS the network is asked, over HTTP, whether the number changed hands."""

from datetime import timedelta

import httpx
import pytest
import time_machine
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.domain import codes, numbers
from accounts.models import CodeRequest, NumberCheck, User
from accounts.number_checks.base import Question
from accounts.states import CodeState, Purpose, Refusal
from messages.models import Message
from outbox.domain import RetryAfter
from tests.accounts.codes import a_request, ask, prove, send_code
from tests.builders import make_operator
from tests.processing import process_task
from tests.providers import books, break_it

MAIL, NUMBER = "noor@example.com", "+12025550142"
SWAPPED, RECYCLED, FOREIGN = "+12025550191", "+12025550192", "+12025550195"
LOST = ["drop_before", "http_500", "html", "drop_after", "malformed"]


@pytest.fixture(autouse=True)
def own_codes(operator_api: str, settings: Settings) -> None:
    """Let the portal make the codes itself. Only the checks are the operator's."""
    settings.CODE_SERVICE = ""


def keep_lease() -> None:
    """Do nothing: the worker still has its lease."""


def has_changed(number: str) -> bool:
    return numbers.has_changed_hands(number, before_call=keep_lease)


def happened(network: str, change: str, ago: timedelta) -> None:
    """Put the change of the number this long into the past."""
    body = {"phoneNumber": NUMBER, change: (now() - ago).isoformat()}
    httpx.post(f"{network}/numbers", json=body, trust_env=False).raise_for_status()


def rows() -> list[tuple[str, str, bool | None]]:
    found = NumberCheck.objects.order_by("pk")
    return [(row.question, row.outcome, row.changed) for row in found]


def refused(asked: CodeRequest) -> str:
    assert asked.state == CodeState.REFUSED
    return asked.refusal


def test_each_question_is_a_row_and_an_unchanged_number_gets_its_code(alice: User) -> None:
    _request, asked, code = ask(alice, NUMBER)

    assert code
    assert asked.state == CodeState.SENDING
    assert rows() == [("sim_swap", "answered", False), ("recycling", "answered", False)]


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize(
    ("number", "questions"), [(SWAPPED, ["sim_swap"]), (RECYCLED, ["sim_swap", "recycling"])]
)
def test_a_number_that_changed_hands_yesterday_gets_no_code_for_any_purpose(
    alice: User, purpose: Purpose, number: str, questions: list[str]
) -> None:
    _request, asked, code = ask(alice, number, purpose=purpose)

    assert (refused(asked), code) == (Refusal.NUMBER_CHANGED, "")
    assert [row.question for row in NumberCheck.objects.order_by("pk")] == questions


@pytest.mark.parametrize("change", ["simChangedAt", "subscriberChangedAt"])
def test_a_number_that_changes_hands_proves_nothing_until_it_is_proven_again(
    alice: User, operator_api: str, change: str
) -> None:
    with time_machine.travel(now() - timedelta(days=2)):
        proven = prove(alice, NUMBER)
    happened(operator_api, change, timedelta(hours=20))

    _request, asked, _code = ask(alice, NUMBER, purpose=Purpose.RECOVER)

    proven.refresh_from_db()
    assert refused(asked) == Refusal.NUMBER_CHANGED
    assert (proven.proven_at, alice.proofs.filter(ended_at=None).count()) == (None, 0)
    happened(operator_api, change, timedelta(days=9))
    NumberCheck.objects.all().delete()
    assert prove(alice, NUMBER).proven_at


def test_an_older_proof_outlives_a_new_sim_that_nobody_complained_about(
    alice: User, operator_api: str
) -> None:
    with time_machine.travel(now() - timedelta(days=60)):
        prove(alice, NUMBER)
    happened(operator_api, "simChangedAt", timedelta(days=20))

    assert not has_changed(NUMBER)


def test_a_proof_ends_with_a_new_subscriber_however_long_ago(
    alice: User, operator_api: str
) -> None:
    with time_machine.travel(now() - timedelta(days=60)):
        prove(alice, NUMBER)
    happened(operator_api, "subscriberChangedAt", timedelta(days=20))

    assert has_changed(NUMBER)


def test_a_sim_that_was_new_before_the_number_was_proven_is_the_customers(
    alice: User, operator_api: str
) -> None:
    with time_machine.travel(now() - timedelta(days=3)):
        prove(alice, NUMBER)
    happened(operator_api, "simChangedAt", timedelta(days=5))

    assert not has_changed(NUMBER)


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("function", ["sim-swap", "number-recycling"])
def test_the_network_is_asked_again_and_meanwhile_no_code_leaves(
    alice: User, operator_api: str, function: str, fault: str
) -> None:
    break_it(operator_api, function, fault)
    asked = codes.request_code(a_request(), Purpose.PROVE, NUMBER, account=alice)

    assert isinstance(process_task(codes.KIND, asked.pk), RetryAfter)
    assert not Message.objects.exists()

    assert send_code(asked)
    # What was answered is not asked again.
    assert NumberCheck.objects.filter(outcome="answered").count() == 2
    assert NumberCheck.objects.count() == 3


def test_after_a_minute_without_an_answer_no_code_is_sent_and_the_proof_stays(
    alice: User, operator_api: str
) -> None:
    proven = prove(alice, NUMBER)
    NumberCheck.objects.all().delete()
    break_it(operator_api, "*", "http_500", times=100)
    asked = codes.request_code(a_request(), Purpose.REENTER, NUMBER, account=alice)
    process_task(codes.KIND, asked.pk)

    with time_machine.travel(now() + numbers.RETRY_FOR):
        assert process_task(codes.KIND, asked.pk) is None

    asked.refresh_from_db()
    proven.refresh_from_db()
    assert refused(asked) == Refusal.UNCHECKED
    assert proven.proven_at


def test_another_operators_number_gets_no_code_because_the_network_cannot_tell(
    alice: User,
) -> None:
    _request, asked, code = ask(alice, FOREIGN)

    assert (refused(asked), code) == (Refusal.UNCHECKED, "")
    assert rows() == [("sim_swap", "refused", None), ("recycling", "refused", None)]


def test_one_answer_of_yes_counts_although_the_other_is_unknown(
    alice: User, operator_api: str
) -> None:
    break_it(operator_api, "sim-swap", "refuse", status=422, message="NOT_SUPPORTED")

    _request, asked, _code = ask(alice, RECYCLED)

    assert refused(asked) == Refusal.NUMBER_CHANGED


def test_a_network_that_is_away_leaves_the_other_addresses(alice: User, settings: Settings) -> None:
    settings.SIM_SWAP_URL = "http://127.0.0.1:9"
    asked = codes.request_code(a_request(), Purpose.PROVE, NUMBER, account=alice)

    assert isinstance(process_task(codes.KIND, asked.pk), RetryAfter)
    assert rows() == [("sim_swap", "not_sent", None)]
    _request, _asked, code = ask(alice, MAIL)
    assert code


def test_an_address_that_is_not_allowed_sends_nothing(alice: User, settings: Settings) -> None:
    settings.SIM_SWAP_URL = "http://network.kestrel.example"
    asked = codes.request_code(a_request(), Purpose.PROVE, NUMBER, account=alice)

    with pytest.raises(ImproperlyConfigured):
        process_task(codes.KIND, asked.pk)
    assert not Message.objects.exists()


def test_checks_without_any_address_send_nothing(alice: User, settings: Settings) -> None:
    settings.SIM_SWAP_URL = settings.NUMBER_RECYCLING_URL = ""

    _request, asked, _code = ask(alice, NUMBER)

    assert refused(asked) == Refusal.UNCHECKED


def test_without_the_setting_nobody_is_asked(
    alice: User, operator_api: str, settings: Settings
) -> None:
    settings.NUMBER_CHECKS = ""

    _request, _asked, code = ask(alice, SWAPPED)

    assert code
    assert books(operator_api)["lookups"] == []


def test_staff_find_what_the_network_said_by_any_spelling_of_the_number(
    db: None, clara: User, client: Client
) -> None:
    make_operator()
    has_changed(SWAPPED)
    client.force_login(clara)

    pages = [
        client.get(f"/admin/accounts/numbercheck/?q={typed}").text
        for typed in ("%2B1%20202-555-0191", "%2B12025550142")
    ]

    assert ["New SIM" in page.partition("result_list")[2] for page in pages] == [True, False]


def test_an_answer_is_used_again_for_a_minute(db: None, operator_api: str) -> None:
    for _ in range(2):
        assert has_changed(RECYCLED)
    assert len(books(operator_api)["lookups"]) == 2

    with time_machine.travel(now() + numbers.FRESH + timedelta(seconds=1)):
        assert has_changed(RECYCLED)
    assert len(books(operator_api)["lookups"]) == 4


def test_the_portal_knows_when_a_sim_was_last_new(db: None) -> None:
    assert numbers.sim_changed_at(SWAPPED) is None

    has_changed(SWAPPED)
    has_changed(RECYCLED)

    check = NumberCheck.objects.get(number=SWAPPED)
    assert numbers.sim_changed_at(SWAPPED) == check.sent_at
    assert numbers.sim_changed_at(RECYCLED) is None
    assert str(check) == f"New SIM, {SWAPPED}"
    assert check.question == Question.SIM_SWAP
