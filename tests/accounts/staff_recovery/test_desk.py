"""A recovery at the desk: checked, sent or read out with a second person, used once."""

import re

import pytest
import time_machine
from django.core.exceptions import PermissionDenied
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.access import limiter
from accounts.domain import caller_check, safeguards, staff_recovery
from accounts.domain.staff_recovery import NotPossible
from accounts.models import Address, AttemptCount, PasswordLink, StaffRecovery, User
from accounts.roles import ADMINISTRATOR, VIEWER
from messages.models import Message
from messages.states import Occasion
from tests.accounts.staff_recovery.steps import (
    NEW,
    REASON,
    page_of,
    read_out,
    request_of,
    take_step,
)
from tests.accounts.test_caller_facts import right_answers
from tests.accounts.test_password_links import browser_of, make_staff
from tests.accounts.test_recovery import recover
from tests.accounts.test_sessions import is_signed_in, kinds, sign_in
from tests.conftest import PASSWORD
from tests.races import at_once


def test_a_call_with_a_second_person_at_the_desk(alice: User, noor: User, omar: User) -> None:
    elsewhere = sign_in(alice)
    desk = browser_of(noor)
    start_page = f"/admin/accounts/user/{alice.pk}/recovery/"
    assert start_page in desk.get(f"/admin/accounts/user/{alice.pk}/change/").text
    assert "Caller wants a new password" in desk.get(start_page).text
    assert "This field is required" in desk.post(start_page, {"reason": ""}).text

    answer = desk.post(start_page, {"reason": REASON}, follow=True)
    row = StaffRecovery.objects.get()
    assert answer.redirect_chain[-1][0] == page_of(row)
    assert "Number of the last order" in answer.text
    said = right_answers(alice)
    assert not any(value in answer.text for value in said.values() if value != "19")

    page = take_step(noor, row, "answer", plan="Weekend", last_receipt=said["last_receipt"])
    assert "Name of a plan that is running: wrong." in page
    assert "Amount of the last receipt: right." in page
    assert "1 wrong" in page
    page = take_step(noor, row, "answer", last_order=said["last_order"], plan=said["plan"])
    assert row.state == "checked"
    assert "has proven no email address" in page

    assert "own sign-in and device" in take_step(noor, row, "ask")
    assert "Approve" in browser_of(omar).get(page_of(row)).text
    take_step(omar, row, "approve")
    assert (row.state, row.approved_by) == ("approved", omar)

    shown = browser_of(noor).post(page_of(row), {"step": "show"})
    code = re.search(r"\b[2-9]{4}-[2-9]{4}-[2-9]{4}\b", shown.text)[0]  # type: ignore[index]  # the page shows it
    assert "no-store" in shown.headers["Cache-Control"]
    for other in (noor, omar):
        assert code not in take_step(other, row, "show")
        assert code not in browser_of(other).get(page_of(row)).text

    assert is_signed_in(recover(code))
    assert not is_signed_in(elsewhere)
    assert is_signed_in(sign_in(alice, password=NEW))
    assert not is_signed_in(recover(code, new=PASSWORD))
    row.refresh_from_db()
    assert (row.state, row.code_digest) == ("used", "")


def test_everything_is_an_event_that_customer_and_desk_see(
    alice: User, noor: User, omar: User, checked: StaffRecovery
) -> None:
    client = recover(read_out(checked, noor, omar))

    seen = [kind for kind in kinds(alice) if kind.startswith("support")]
    assert seen == ["support_started", "support_approved", "support_code", "support_recovered"]
    page = client.get("/account/security/").text
    assert "Password set with a code from support" in page
    assert "noor" not in page
    desk_page = browser_of(noor).get("/admin/accounts/accessevent/").text
    assert "Support gave out a code for a new password" in desk_page
    assert alice.access_events.get(kind="support_approved").actor == omar


def test_all_addresses_are_told(
    alice: User, noor: User, omar: User, checked: StaffRecovery
) -> None:
    Address.objects.create(account=alice, value="+12025550142")

    recover(read_out(checked, noor, omar))

    told = Message.objects.filter(occasion=Occasion.SUPPORT_RECOVERY).order_by("pk")
    steps = [(message.context["step"], message.address) for message in told]
    assert steps == [
        ("support_started", "alice@example.com"),
        ("support_code", "alice@example.com"),
        ("support_code", "+12025550142"),
    ]
    assert Message.objects.filter(occasion=Occasion.RECOVERED).count() == 2


def test_after_it_the_account_is_restrained_for_a_day(
    alice: User, noor: User, omar: User, checked: StaffRecovery
) -> None:
    recover(read_out(checked, noor, omar))

    until = safeguards.restrained_until(alice)
    assert until is not None
    assert until > now()


@pytest.mark.django_db(transaction=True)
def test_of_two_approvals_at_once_one_counts(
    noor: User, omar: User, checked: StaffRecovery
) -> None:
    staff_recovery.ask_second_person(checked, actor=noor)
    done: list[str] = []

    def approve() -> None:
        row = StaffRecovery.objects.get(pk=checked.pk)
        try:
            staff_recovery.approve(row, actor=omar, request=request_of(omar))
        except NotPossible:
            return
        done.append("approved")

    at_once(approve, 5)

    assert done == ["approved"]


@pytest.mark.django_db(transaction=True)
def test_answers_in_two_forms_at_once_are_all_kept(alice: User, noor: User) -> None:
    row = staff_recovery.start(alice, actor=noor, reason=REASON)
    said = iter([item for item in right_answers(alice).items() if item[0] != "last_order"][:2])

    def send() -> None:
        name, typed = next(said)
        mine = StaffRecovery.objects.get(pk=row.pk)
        staff_recovery.answer(mine, actor=noor, answers={name: typed})

    at_once(send, 2)

    row.refresh_from_db()
    assert row.right == ["iccid_ending", "last_receipt"]


@pytest.mark.parametrize("step", ["withdraw", "decline"])
def test_anybody_with_the_permission_stops_it(
    alice: User, noor: User, omar: User, checked: StaffRecovery, step: str
) -> None:
    staff_recovery.ask_second_person(checked, actor=noor)

    take_step(omar, checked, step)

    assert checked.state in {"withdrawn", "declined"}
    assert kinds(alice)[-1] == "support_stopped"
    with pytest.raises(NotPossible):
        staff_recovery.approve(checked, actor=omar, request=request_of(omar))


def test_the_one_who_asked_does_not_decline(noor: User, checked: StaffRecovery) -> None:
    staff_recovery.ask_second_person(checked, actor=noor)

    assert "Only a second person can decline" in take_step(noor, checked, "decline")
    assert checked.state == "asked"


def test_one_recovery_of_an_account_is_open_at_a_time(
    alice: User, omar: User, checked: StaffRecovery
) -> None:
    with pytest.raises(NotPossible, match="Another recovery"):
        staff_recovery.start(alice, actor=omar, reason=REASON)

    with time_machine.travel(now() + staff_recovery.CHECK_LIFETIME):
        staff_recovery.start(alice, actor=omar, reason=REASON)
    checked.refresh_from_db()
    assert checked.state == "lapsed"


def test_an_account_with_too_few_facts_has_no_way_back_by_phone(
    alice: User, bob: User, noor: User
) -> None:
    form = {"reason": REASON}
    page = browser_of(noor).post(f"/admin/accounts/user/{bob.pk}/recovery/", form).text

    assert "too few facts" in page
    assert not StaffRecovery.objects.exists()


def test_an_unknown_account_or_recovery_is_not_found(noor: User) -> None:
    desk = browser_of(noor)

    for key in ("x", "0"):
        assert desk.get(f"/admin/accounts/user/{key}/recovery/").status_code == 404
        assert desk.get(f"/admin/accounts/staffrecovery/{key}/change/").status_code == 404


@pytest.mark.parametrize("role", [VIEWER, "nobody"])
def test_whoever_has_no_permission_takes_no_step(
    alice: User, noor: User, checked: StaffRecovery, role: str
) -> None:
    viewer = make_staff(VIEWER)
    if role == "nobody":
        viewer.groups.clear()
    desk = browser_of(viewer)

    assert desk.get(f"/admin/accounts/user/{alice.pk}/recovery/").status_code == 403
    assert desk.get(page_of(checked)).status_code == (200 if role == VIEWER else 403)
    for step in ("answer", "send", "ask", "approve", "decline", "show", "withdraw"):
        assert desk.post(page_of(checked), {"step": step}).status_code == 403
    with pytest.raises(PermissionDenied):
        staff_recovery.start(alice, actor=viewer, reason=REASON)
    checked.refresh_from_db()
    assert checked.state == "checked"


def test_an_unknown_step_does_nothing(noor: User, checked: StaffRecovery) -> None:
    take_step(noor, checked, "open sesame")

    assert checked.state == "checked"


def test_the_list_says_what_has_lapsed(noor: User, checked: StaffRecovery) -> None:
    desk = browser_of(noor)
    page = "/admin/accounts/staffrecovery/"
    assert "The caller has answered" in desk.get(page).text

    StaffRecovery.objects.update(expires_at=now())
    row = desk.get(page, {"q": "alice@example.com"}).text

    assert "Its time is over" in row
    assert "noor@staff.example" in row


def test_administrators_may_do_it_too(alice: User, noor: User) -> None:
    administrator = make_staff(ADMINISTRATOR)

    assert staff_recovery.start(alice, actor=administrator, reason=REASON).is_open
    assert not PasswordLink.objects.exists()


def test_a_locked_account_is_told_how_long(alice: User, noor: User, settings: Settings) -> None:
    settings.CALLER_LIMIT = 1
    row = staff_recovery.start(alice, actor=noor, reason=REASON)
    page = take_step(noor, row, "answer", plan="wrong", last_receipt="19")

    assert (row.state, row.right, row.wrong) == ("refused", ["last_receipt"], 1)
    assert "The caller gave wrong answers" in page
    assert kinds(alice)[-1] == "support_refused"
    again = browser_of(noor).post(f"/admin/accounts/user/{alice.pk}/recovery/", {"reason": REASON})
    assert "Try again in 24 hours." in again.text
    with pytest.raises(limiter.Locked):
        staff_recovery.start(alice, actor=noor, reason=REASON)


def test_nobody_lifts_the_lock_of_callers(
    alice: User, noor: User, clara: User, settings: Settings
) -> None:
    settings.CALLER_LIMIT = 1
    row = staff_recovery.start(alice, actor=noor, reason=REASON)
    staff_recovery.answer(row, actor=noor, answers={"plan": "wrong"})
    lock = AttemptCount.objects.get(limit=caller_check.LIMIT)

    for user in (noor, clara):
        form = {"action": "lift", "_selected_action": lock.pk}
        page = browser_of(user).post("/admin/accounts/attemptcount/", form, follow=True).text
        assert "nobody lifts them" in page

    assert AttemptCount.objects.filter(pk=lock.pk).exists()
