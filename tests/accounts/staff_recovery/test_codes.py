"""The code of a recovery that staff start: where it goes, how long it lasts, what it opens."""

import logging
import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client, RequestFactory
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.domain import recovery, safeguards, staff_codes, staff_recovery
from accounts.domain.staff_recovery import NotPossible
from accounts.models import Address, StaffRecovery, User
from messages.domain import budget
from messages.models import Message
from messages.states import Channel, Occasion
from tests.accounts.staff_recovery.steps import (
    NEW,
    REASON,
    page_of,
    read_out,
    take_step,
)
from tests.accounts.test_caller_facts import right_answers
from tests.accounts.test_password_links import browser_of
from tests.accounts.test_recovery import recover
from tests.accounts.test_sessions import is_signed_in, kinds
from tests.races import at_once


def test_a_code_goes_to_a_proven_address_and_staff_never_see_it(
    alice: User, noor: User, checked: StaffRecovery, proven: str
) -> None:
    page = take_step(noor, checked, "send", address=proven)

    message = Message.objects.get(occasion=Occasion.SUPPORT_CODE)
    assert (message.address, checked.state, checked.sent_to) == (proven, "code_made", proven)
    assert message.code not in page
    desk_page = f"/admin/customer_messages/message/{message.pk}/change/"
    assert message.code not in browser_of(noor).get(desk_page).text
    assert is_signed_in(recover(message.code))


@pytest.mark.parametrize("address", ["noor@staff.example", "", "alice@example.com"])
def test_no_code_goes_to_an_address_that_is_not_proven(
    noor: User, checked: StaffRecovery, address: str
) -> None:
    page = take_step(noor, checked, "send", address=address)

    assert "an email address that the customer has proven" in page
    assert checked.state == "checked"


def test_no_code_goes_to_a_mailbox_that_was_proven_within_a_week(
    alice: User, noor: User, omar: User, checked: StaffRecovery, proven: str
) -> None:
    lately = now() - safeguards.RECENT + timedelta(minutes=1)
    Address.objects.create(account=alice, value="thief@example.com", proven_at=lately)

    page = browser_of(noor).get(page_of(checked)).text
    assert "No code goes to thief@example.com: it was proven less than a week ago." in page
    assert f"Send a code to {proven}" in page
    assert "a week ago or more" in take_step(noor, checked, "send", address="thief@example.com")

    assert (checked.state, checked.code_digest) == ("checked", "")
    assert is_signed_in(recover(read_out(checked, noor, omar)))


def test_no_code_goes_to_a_phone_number(alice: User, noor: User, checked: StaffRecovery) -> None:
    before = now() - safeguards.RECENT
    Address.objects.create(account=alice, value="+12025550142", proven_at=before)

    assert "+12025550142" not in browser_of(noor).get(page_of(checked)).text
    with pytest.raises(NotPossible):
        staff_recovery.send_code(checked, actor=noor, address="+12025550142")


def test_past_the_limit_of_mails_no_code_is_made(
    noor: User, checked: StaffRecovery, proven: str, settings: Settings
) -> None:
    settings.MAILS_PER_HOUR = 1
    budget.count(Channel.MAIL, proven)

    page = take_step(noor, checked, "send", address=proven)

    assert "The limit of 1 messages an hour" in page
    assert (checked.state, checked.code_digest) == ("checked", "")


def test_no_log_line_and_no_row_has_the_code_or_an_answer(
    alice: User, noor: User, omar: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    row = staff_recovery.start(alice, actor=noor, reason=REASON)
    said = right_answers(alice)
    take_step(noor, row, "answer", **said)
    code = read_out(row, noor, omar)
    recover(code)

    assert "recovery by staff" in caplog.text
    for secret in (code, code.replace("-", ""), said["last_order"], said["iccid_ending"], NEW):
        assert secret not in caplog.text
        assert secret not in str(StaffRecovery.objects.values())


def test_the_code_lasts_fifteen_minutes(noor: User, omar: User, checked: StaffRecovery) -> None:
    code = read_out(checked, noor, omar)

    with time_machine.travel(now() + staff_codes.LIFETIME):
        assert not is_signed_in(recover(code))
        assert "Its time is over" in browser_of(noor).get(page_of(checked)).text
    assert is_signed_in(recover(code))


def test_the_code_has_five_tries(noor: User, omar: User, checked: StaffRecovery) -> None:
    code = read_out(checked, noor, omar)

    for digit in "23456":
        recover(code[:5] + digit * 8)

    checked.refresh_from_db()
    assert (checked.state, checked.tries) == ("spent", 5)
    assert not is_signed_in(recover(code))


def test_a_stranger_who_knows_the_identifier_uses_up_no_try(
    noor: User, omar: User, checked: StaffRecovery
) -> None:
    code = read_out(checked, noor, omar)
    strangers = [digit * 4 for digit in "23456789" if digit * 4 != code[:4]]

    for begin in strangers:
        recover(f"{begin}-2222-2222")
        recover(begin + code[4:])

    checked.refresh_from_db()
    assert (checked.state, checked.tries) == ("code_made", 0)
    assert is_signed_in(recover(code))


def test_the_fifth_try_may_be_the_right_one(noor: User, omar: User, checked: StaffRecovery) -> None:
    code = read_out(checked, noor, omar)
    for digit in "2345":
        recover(code[:5] + digit * 8)

    # Other codes and a weak password use up no try.
    recover("BBBB-BBBB-BBBB-BBBB")
    recover("123456")
    recover(code, new="short")

    assert is_signed_in(recover(f" {code.replace('-', ' ')} "))


def test_a_wrong_code_is_answered_like_one_of_an_unknown_account(
    noor: User, omar: User, checked: StaffRecovery
) -> None:
    read_out(checked, noor, omar)

    pages = [
        re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"|nobody@|alice@', "", page)
        for page in (
            recover("2222-2222-2222").get("/recover/").text,
            recover("2222-2222-2222", username="nobody@example.com").get("/recover/").text,
        )
    ]

    assert pages[0] == pages[1]


def test_the_code_opens_its_own_account_only(
    bob: User, noor: User, omar: User, checked: StaffRecovery
) -> None:
    code = read_out(checked, noor, omar)

    assert not is_signed_in(recover(code, username=bob.username))
    assert not is_signed_in(recover(code, username=noor.username))


@pytest.mark.django_db(transaction=True)
def test_of_ten_requests_with_one_code_one_sets_the_password(
    alice: User, noor: User, omar: User, checked: StaffRecovery
) -> None:
    code = read_out(checked, noor, omar)
    passwords = iter([f"{NEW} {number}" for number in range(10)])
    done: list[str] = []

    def use() -> None:
        password = next(passwords)
        request = RequestFactory().post("/recover/")
        request.session = Client().session
        try:
            recovery.recover(request, alice.username, code=code, password=password)
        except recovery.WrongCode:
            return
        done.append(password)

    at_once(use, 10)

    alice.refresh_from_db()
    assert len(done) == 1
    assert alice.check_password(done[0])


@pytest.mark.django_db(transaction=True)
def test_many_wrong_codes_at_once_have_five_tries(
    noor: User, omar: User, checked: StaffRecovery
) -> None:
    begin = read_out(checked, noor, omar)[:4]
    typed = iter([f"{begin}-2222-22{first}{second}" for first in "23456" for second in "2345"])

    at_once(lambda: staff_codes.find([checked.account], next(typed)), 20)

    checked.refresh_from_db()
    assert (checked.state, checked.tries) == ("spent", 5)


def test_a_code_that_was_given_out_is_stopped(
    noor: User, omar: User, checked: StaffRecovery
) -> None:
    code = read_out(checked, noor, omar)

    take_step(omar, checked, "withdraw")

    assert not is_signed_in(recover(code))


def test_a_code_whose_tries_are_used_up_is_not_compared(
    noor: User, omar: User, checked: StaffRecovery
) -> None:
    code = read_out(checked, noor, omar)
    StaffRecovery.objects.update(tries=5)

    assert staff_codes.find([checked.account], code) is None


def test_a_code_that_is_stopped_while_it_is_typed_sets_no_password(
    noor: User, omar: User, checked: StaffRecovery
) -> None:
    code = read_out(checked, noor, omar)
    found = staff_codes.find([checked.account], code)
    assert found is not None

    staff_recovery.withdraw(checked, actor=omar)

    assert not found.use()


def test_a_recovery_that_was_stopped_is_not_refused_as_well(
    alice: User, noor: User, omar: User, settings: Settings
) -> None:
    settings.CALLER_LIMIT = 1
    row = staff_recovery.start(alice, actor=noor, reason=REASON)
    staff_recovery.withdraw(StaffRecovery.objects.get(pk=row.pk), actor=omar)

    staff_recovery.answer(row, actor=noor, answers={"plan": "wrong"})

    assert row.state == "withdrawn"
    assert kinds(alice)[-1] == "support_stopped"
