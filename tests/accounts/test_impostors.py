"""People who want into Alice's account and work at the desk, or call it. None of them gets in."""

import pytest
import time_machine
from django.core import mail
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.access import caller_facts, limiter
from accounts.domain import password_links, safeguards, staff_codes, staff_recovery
from accounts.domain.staff_recovery import NotPossible
from accounts.models import Address, StaffRecovery, User
from accounts.roles import ADMINISTRATOR, AGENT
from messages.models import Message
from messages.states import Occasion
from tests.accounts.staff_recovery.steps import REASON, page_of, request_of, take_step
from tests.accounts.test_caller_facts import give_plan, right_answers
from tests.accounts.test_password_links import NEW, browser_of, give, make_staff, open_link
from tests.accounts.test_recovery import recover
from tests.accounts.test_sessions import is_signed_in, sign_in
from tests.conftest import PASSWORD

STEPS = ("answer", "send", "ask", "approve", "decline", "show")
# What an impostor may know of anybody: name, birthday, address, phone number.
PUBLIC = ("Alice", "1990-01-31", "12 Mill Lane", "alice@example.com", "+12025550142")


@pytest.fixture
def mallory(alice: User) -> User:
    """Return an agent who wants into Alice's account, and reads everything at the desk."""
    give_plan(alice)
    return make_staff(AGENT, name="mallory")


@pytest.fixture
def asked(alice: User, mallory: User) -> StaffRecovery:
    """Return a recovery without a caller, for which the agent has looked the answers up."""
    row = staff_recovery.start(alice, actor=mallory, reason="No caller at all.")
    staff_recovery.answer(row, actor=mallory, answers=right_answers(alice))
    staff_recovery.ask_second_person(row, actor=mallory)
    return row


def is_shut_out(alice: User) -> bool:
    """Return whether nobody got in: Alice's password is what it was, and she was told."""
    alice.refresh_from_db()
    told = Message.objects.filter(occasion=Occasion.SUPPORT_RECOVERY, address=alice.username)
    return alice.check_password(PASSWORD) and told.exists()


def test_an_agent_alone_gets_no_code_to_read(
    alice: User, mallory: User, asked: StaffRecovery
) -> None:
    for _ in range(2):
        for step in STEPS:
            page = take_step(mallory, asked, step, address="mallory@staff.example")
            assert "Read this code out" not in page
    assert (asked.state, asked.approved_by, asked.code_digest) == ("asked", None, "")

    take_step(mallory, asked, "withdraw")
    assert is_shut_out(alice)


def test_the_database_refuses_a_code_without_a_second_person(
    mallory: User, asked: StaffRecovery
) -> None:
    rows = StaffRecovery.objects.filter(pk=asked.pk)
    for wrong in (
        {"approved_by": mallory},
        {"state": "code_made", "code_digest": "x", "code_mark": "x"},
        {"state": "code_made", "code_digest": "x", "code_mark": "x", "approved_by": asked.account},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**wrong)


def test_an_agent_alone_sees_no_code_that_is_sent_to_the_customer(
    alice: User, mallory: User
) -> None:
    before = now() - safeguards.RECENT
    Address.objects.filter(account=alice).update(proven_at=before)
    row = staff_recovery.start(alice, actor=mallory, reason=REASON)
    staff_recovery.answer(row, actor=mallory, answers=right_answers(alice))
    take_step(mallory, row, "send", address=alice.username)
    message = Message.objects.get(occasion=Occasion.SUPPORT_CODE)
    assert message.code

    desk = browser_of(mallory)
    resend = {"action": "resend", "_selected_action": message.pk}
    pages = [
        desk.get(page_of(row)),
        desk.post(page_of(row), {"step": "show"}, follow=True),
        desk.get(f"/admin/customer_messages/message/{message.pk}/change/"),
        desk.get("/admin/customer_messages/message/", {"q": alice.username}),
        desk.post("/admin/customer_messages/message/", resend, follow=True),
        desk.get("/admin/accounts/accessevent/"),
    ]

    assert [page.status_code for page in pages] == [200] * len(pages)
    assert not any(message.code in page.text for page in pages)
    assert Message.objects.filter(occasion=Occasion.SUPPORT_CODE).count() == 1
    assert mail.outbox == []


def test_an_agent_does_not_change_where_a_code_goes(alice: User, mallory: User) -> None:
    administrator = make_staff(ADMINISTRATOR)
    for user in (mallory, administrator):
        form = {"username": user.username, "name": "Alice", "is_active": "on"}
        browser_of(user).post(f"/admin/accounts/user/{alice.pk}/change/", form)

    alice.refresh_from_db()
    assert alice.username == "alice@example.com"
    assert staff_codes.addresses_for_code(alice) == []


def test_the_code_is_for_the_one_who_asked_and_not_for_the_second_person(
    mallory: User, asked: StaffRecovery
) -> None:
    other = make_staff(AGENT, name="other")
    take_step(other, asked, "approve")

    assert "Only the agent who started" in take_step(other, asked, "show")
    assert asked.state == "approved"


def test_an_agent_with_two_accounts_in_one_browser_is_refused(
    alice: User, mallory: User, asked: StaffRecovery
) -> None:
    second = make_staff(AGENT, name="second")
    browser = Client()
    for user in (mallory, second):
        form = {"username": user.username, "password": PASSWORD}
        browser.post("/admin/login/?next=/admin/", form)

    page = browser.post(page_of(asked), {"step": "approve"}, follow=True).text

    assert "has used this browser to sign in" in page
    asked.refresh_from_db()
    assert asked.state == "asked"
    assert is_shut_out(alice)


def test_an_administrator_who_makes_a_second_account_is_refused(
    alice: User, asked: StaffRecovery, clara: User, mallory: User
) -> None:
    """A superuser gives a link to an account of their own, sets its password, and approves."""
    puppet = make_staff(AGENT, name="puppet")
    open_link(give(puppet, clara))
    puppet.refresh_from_db()
    own = StaffRecovery.objects.filter(pk=asked.pk)
    for asker, second in ((clara, puppet), (puppet, clara)):
        own.update(asked_by=asker)

        page = take_step(second, StaffRecovery.objects.get(pk=asked.pk), "approve")

        assert "given the other a password link" in page
        assert not own.filter(state="approved").exists()
    assert is_shut_out(alice)


def test_an_administrator_who_goes_over_a_third_account_is_refused(
    alice: User, asked: StaffRecovery, clara: User
) -> None:
    """A superuser sets a colleague's password by a link, and as that one gives the next link."""
    middle = User.objects.create_superuser("middle@example.com", name="middle")
    puppet = make_staff(AGENT, name="puppet")
    open_link(give(middle, clara))
    middle.refresh_from_db()
    open_link(give(puppet, middle))
    puppet.refresh_from_db()
    StaffRecovery.objects.filter(pk=asked.pk).update(asked_by=clara)

    page = take_step(puppet, StaffRecovery.objects.get(pk=asked.pk), "approve")

    assert "given the other a password link" in page
    assert not StaffRecovery.objects.filter(pk=asked.pk, state="approved").exists()


def test_an_administrator_gets_no_customer_s_password(alice: User) -> None:
    """Neither by a link, nor by making the customer one of the staff for a while."""
    administrator, boss = make_staff(ADMINISTRATOR), User.objects.create_superuser("boss", PASSWORD)
    for user in (administrator, boss):
        desk = browser_of(user)
        raised = {"username": alice.username, "is_staff": "on", "is_active": "on"}
        desk.post(f"/admin/accounts/user/{alice.pk}/change/", raised)
        link = desk.post(f"/admin/accounts/user/{alice.pk}/password-link/", {"show": "1"})
        assert link.status_code == 403
        for page in ("change/", "password/", "recovery/", "history/"):
            text = desk.get(f"/admin/accounts/user/{alice.pk}/{page}", follow=True).text
            assert alice.password.split("$")[-1] not in text
            assert 'type="password"' not in text

    alice.refresh_from_db()
    assert not alice.is_staff
    assert alice.check_password(PASSWORD)


def test_a_link_of_staff_opens_no_customer_s_account(alice: User, clara: User) -> None:
    agent = make_staff(AGENT)
    token = give(agent, clara)
    User.objects.filter(pk=agent.pk).update(is_staff=False)

    assert open_link(token)[0] == 404
    assert not password_links.may_give(clara, alice)


@pytest.mark.parametrize("who", ["staff", "superuser", "without access"])
def test_staff_and_closed_accounts_have_no_way_back_by_phone(mallory: User, who: str) -> None:
    user = make_staff(AGENT, name="colleague")
    if who == "superuser":
        User.objects.filter(pk=user.pk).update(is_staff=False, is_superuser=True)
    if who == "without access":
        User.objects.filter(pk=user.pk).update(is_staff=False, is_active=False)
    user.refresh_from_db()

    with pytest.raises(NotPossible, match="Never for staff"):
        staff_recovery.start(user, actor=mallory, reason=REASON)


def test_twenty_calls_of_an_impostor_compare_five_answers(alice: User, mallory: User) -> None:
    """The impostor calls again and again, other agents too, and says what many people know."""
    agents = [mallory, make_staff(AGENT, name="noor"), make_staff(AGENT, name="omar")]
    names = ["last_order", "iccid_ending", "last_receipt", "plan"]
    said = iter([(name, text) for text in (*PUBLIC, "A1B2C-3D4E5", "123456") for name in names])
    refused = compared = 0
    for call in range(20):
        agent = agents[call % 3]
        try:
            row = staff_recovery.start(alice, actor=agent, reason=f"Call {call}")
        except limiter.Locked:
            refused += 1
            continue
        for name, text in (next(said), next(said)):
            if row.state == "checking":
                found = staff_recovery.answer(row, actor=agent, answers={name: text})
                compared += len(found)
                assert not any(found.values())
        if row.is_open:
            staff_recovery.withdraw(row, actor=agent)

    assert compared == 5
    assert refused >= 15
    assert not StaffRecovery.objects.filter(state="checked").exists()
    assert is_shut_out(alice)


def test_an_impostor_who_knows_plan_and_price_does_not_get_through(
    alice: User, mallory: User
) -> None:
    """What can be seen on the operator's own page of plans is not enough."""
    row = staff_recovery.start(alice, actor=mallory, reason=REASON)
    said = right_answers(alice)
    weak = {name: said[name] for name in ("plan", "last_receipt")}

    staff_recovery.answer(row, actor=mallory, answers=weak)
    assert row.state == "checking"
    for number in range(5):
        guess = {"iccid_ending": f"99999{number}"}
        if row.state == "checking":
            staff_recovery.answer(row, actor=mallory, answers=guess)

    assert row.state == "refused"


def test_each_day_has_five_guesses_and_no_more(alice: User, mallory: User) -> None:
    with time_machine.travel(now()) as clock:
        for day in range(3):
            row = staff_recovery.start(alice, actor=mallory, reason=f"Day {day}")
            for number in range(5):
                guess = {"iccid_ending": f"9{day}{number:04}"}
                staff_recovery.answer(row, actor=mallory, answers=guess)
            assert row.state == "refused"
            with pytest.raises(limiter.Locked):
                staff_recovery.start(alice, actor=mallory, reason="Again")
            clock.shift(24 * 3600 + 1)


def test_an_answer_is_counted_before_it_is_compared(
    alice: User, mallory: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CALLER_LIMIT = 2
    row = staff_recovery.start(alice, actor=mallory, reason=REASON)
    compared: list[str] = []
    compare = caller_facts.is_right

    def note(fact: caller_facts.CallerFact, account: User, answer: str) -> bool:
        compared.append(answer)
        return compare(fact, account, answer)

    monkeypatch.setattr("accounts.access.caller_facts.is_right", note)
    answers = {"last_order": "1", "iccid_ending": "000000", "last_receipt": "19", "plan": "x"}
    staff_recovery.answer(row, actor=mallory, answers=answers)

    assert compared == ["1", "000000"]
    assert row.state == "refused"


def test_an_impostor_on_the_page_guesses_no_code(alice: User, mallory: User) -> None:
    other = make_staff(AGENT, name="other")
    row = staff_recovery.start(alice, actor=mallory, reason=REASON)
    staff_recovery.answer(row, actor=mallory, answers=right_answers(alice))
    staff_recovery.ask_second_person(row, actor=mallory)
    staff_recovery.approve(row, actor=other, request=request_of(other))
    begin = staff_recovery.show_code(row, actor=mallory)[:4]

    for number in range(20):
        assert not is_signed_in(recover(f"{begin}-2222-{2222 + number}"))

    row.refresh_from_db()
    assert row.state == "spent"
    assert is_signed_in(sign_in(alice))
    assert not is_signed_in(sign_in(alice, password=NEW))
