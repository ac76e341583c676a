"""`subscriptions.domain.linking`: a number that was proven brings its line into the account."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils.timezone import now

from accounts.access.limiter import Locked
from accounts.domain import codes, proofs
from accounts.domain.proofs import Strength
from accounts.models import AccountMessage, AttemptCount, CodeRequest, User
from accounts.states import ProofKind
from messages.models import Message
from messages.states import Occasion
from moportal import retention
from subscriptions.customers.base import LineOnRecord
from subscriptions.domain import linking
from subscriptions.models import (
    CustomerCall,
    Line,
    LineLink,
    Master,
    OperatorLine,
    SimOnLine,
    Subscription,
)
from subscriptions.states import LinkState, Refusal
from tests.customers import GB
from tests.processing import process_task
from tests.providers import books, break_it
from tests.subscriptions.operator_lines.steps import (
    BILL_CODE,
    ICCID,
    NUMBER,
    link_line,
    newest_link,
    open_tasks,
    prove,
    work,
)

pytestmark = pytest.mark.django_db
LOST = ["drop_before", "http_500", "html", "drop_after", "malformed", "http_after"]


def begin(account: User, number: str = "", bill_code: str = "") -> LineLink:
    return linking.begin(account, number=number, bill_code=bill_code)


def code_for(account: User, number: str) -> CodeRequest:
    """Return a request whose code has gone to this number."""
    return CodeRequest.objects.create(
        account=account,
        purpose="link",
        address=number,
        digest="x",
        state="sent",
        expires_at=now() + timedelta(minutes=10),
    )


def test_a_proven_number_brings_its_line_with_sims_and_plans(alice: User, customers: str) -> None:
    line = link_line(alice)

    assert newest_link(alice).state == LinkState.LINKED
    assert OperatorLine.objects.get().reference == "metered"
    stay = line.sims.get()
    assert (stay.sim.iccid, stay.proof) == (ICCID, SimOnLine.Proof.OPERATOR)
    sold = line.subscriptions.get()
    assert (sold.plan_name, sold.master, sold.state) == ("Home 50 GB", Master.OPERATOR, "active")
    bucket = sold.periods.get().buckets.get()
    assert (bucket.total_bytes, bucket.left_bytes) == (50 * GB, 31 * GB)
    assert bucket.countries == ["US", "CA", "MX"]


def test_each_call_is_a_row_before_it_is_made(alice: User, customers: str) -> None:
    link_line(alice)

    call = CustomerCall.objects.get()
    assert (call.operation, call.outcome) == ("find", "answered")
    assert call.detail == "line metered: 1 SIMs, 1 plans"
    assert [one["key"] for one in books(customers)["calls"]] == [call.key]


def test_nothing_is_asked_where_no_customer_system_is_set(alice: User) -> None:
    prove(alice)

    assert not linking.is_offered()
    assert not LineLink.objects.exists()


def test_a_link_ends_if_the_customer_system_is_removed(
    alice: User, customers: str, settings: Any
) -> None:
    prove(alice)
    settings.CUSTOMER_SYSTEM = ""
    work(alice)

    assert newest_link(alice).refusal == Refusal.UNANSWERED


def test_a_number_that_the_operator_does_not_know_links_nothing(
    alice: User, customers: str
) -> None:
    prove(alice, "+12025550199")
    work(alice)

    link = newest_link(alice)
    assert (link.state, link.refusal) == (LinkState.REFUSED, Refusal.UNKNOWN)
    assert link.ended_at
    assert not Line.objects.exists()
    assert CustomerCall.objects.get().outcome == "refused"


@pytest.mark.parametrize("fault", LOST)
def test_a_lost_answer_is_asked_for_again(alice: User, customers: str, fault: str) -> None:
    break_it(customers, "find", fault)
    prove(alice)

    assert work(alice) is not None
    link = newest_link(alice)
    assert (link.state, link.tries) == (LinkState.ASKING, 1)
    assert link.last_error
    assert work(alice) is None
    assert newest_link(alice).state == LinkState.LINKED
    first, second = CustomerCall.objects.all()
    assert first.key == second.key


def test_an_accepted_request_is_asked_about_again_with_the_same_key(
    alice: User, customers: str
) -> None:
    break_it(customers, "find", "pending", seconds=7)
    prove(alice)

    answer = work(alice)

    assert answer is not None
    assert answer.delay == timedelta(seconds=7)
    assert newest_link(alice).tries == 0
    assert CustomerCall.objects.get().detail == "accepted, ask again in 7 s"
    work(alice)
    assert Line.objects.get().account == alice
    assert len({call["key"] for call in books(customers)["calls"]}) == 1


def test_after_a_day_without_an_answer_the_link_is_given_up(alice: User, customers: str) -> None:
    prove(alice)
    LineLink.objects.update(created_at=now() - linking.GIVE_UP - timedelta(minutes=1))

    assert work(alice) is None
    assert newest_link(alice).refusal == Refusal.UNANSWERED
    assert not CustomerCall.objects.exists()


def test_an_ended_link_asks_nothing(alice: User, customers: str) -> None:
    link_line(alice)

    assert work(alice) is None
    assert CustomerCall.objects.count() == 1


def test_a_code_to_the_number_is_enough_to_see_the_line_and_no_more(
    alice: User, customers: str
) -> None:
    link_line(alice)

    assert proofs.strength_of(alice, NUMBER) == Strength.USE


def test_the_bills_code_and_a_code_to_the_number_make_the_holder(
    alice: User, customers: str
) -> None:
    link = begin(alice, NUMBER, f" {BILL_CODE} ")
    assert link.state == LinkState.PROVING
    linking.confirm(alice, code_for(alice, NUMBER))
    assert proofs.strength_of(alice, NUMBER) == Strength.USE

    work(alice)

    assert proofs.strength_of(alice, NUMBER) == Strength.HOLDER
    link.refresh_from_db()
    assert (link.state, link.is_bill_code_right, link.bill_code) == (LinkState.LINKED, True, "")
    assert not AttemptCount.objects.filter(limit="bill-code").exists()


def test_new_accounts_do_not_make_more_guesses_at_the_bill_of_one_number(
    alice: User, customers: str
) -> None:
    for guess in range(5):
        account = User.objects.create_user(f"guesser-{guess}@example.com")
        begin(account, NUMBER, f"HOLD-0000-{guess}")

    with pytest.raises(Locked):
        begin(alice, NUMBER, "HOLD-0000-5")
    begin(alice, NUMBER)


def test_an_account_begins_to_link_twenty_times_an_hour(alice: User, customers: str) -> None:
    for last in range(20):
        begin(alice, f"+12025550{last:03}")

    with pytest.raises(Locked):
        begin(alice, NUMBER)
    assert LineLink.objects.count() == 20


def test_a_wrong_bill_code_links_the_line_without_its_holder(alice: User, customers: str) -> None:
    link = begin(alice, NUMBER, "HOLD-0000-XXXX")
    linking.confirm(alice, code_for(alice, NUMBER))
    work(alice)

    link.refresh_from_db()
    assert (link.state, link.is_bill_code_right) == (LinkState.LINKED, False)
    assert proofs.strength_of(alice, NUMBER) == Strength.USE
    assert AttemptCount.objects.filter(limit="bill-code").exists()


def test_the_bills_code_alone_finds_the_number_and_proves_nothing(
    alice: User, customers: str
) -> None:
    begin(alice, bill_code=BILL_CODE)
    work(alice)

    link = newest_link(alice)
    assert (link.state, link.number) == (LinkState.PROVING, NUMBER)
    assert proofs.strength_of(alice, NUMBER) == Strength.NONE
    assert not Line.objects.exists()
    linking.confirm(alice, code_for(alice, NUMBER))
    work(alice)
    assert proofs.strength_of(alice, NUMBER) == Strength.HOLDER


def test_a_wrong_bill_code_alone_finds_nothing(alice: User, customers: str) -> None:
    begin(alice, bill_code="HOLD-0000-XXXX")
    work(alice)

    assert newest_link(alice).refusal == Refusal.UNKNOWN


def test_a_line_that_does_not_confirm_the_bills_code_is_not_found_by_it(
    alice: User, customers: str
) -> None:
    begin(alice, bill_code=BILL_CODE)
    link = newest_link(alice)
    found = LineOnRecord("x", NUMBER, False, None, (), ())  # noqa: FBT003 -- its fields

    assert not linking._note_number(link, found)  # noqa: SLF001 -- an answer no simulator gives
    assert newest_link(alice).refusal == Refusal.UNKNOWN


def test_a_number_that_is_being_read_already_is_not_asked_for_again(
    alice: User, customers: str
) -> None:
    begin(alice, bill_code=BILL_CODE)
    by_bill = newest_link(alice)
    prove(alice)
    process_task(linking.KIND, by_bill.pk)

    by_bill.refresh_from_db()
    assert by_bill.state == LinkState.LAPSED


def test_beginning_again_lapses_what_was_not_proven(alice: User, customers: str) -> None:
    first = begin(alice, NUMBER, BILL_CODE)
    second = begin(alice, "+12025550143")

    first.refresh_from_db()
    assert (first.state, first.bill_code) == (LinkState.LAPSED, "")
    assert second.state == LinkState.PROVING


def test_a_number_whose_line_is_being_read_is_not_begun_again(alice: User, customers: str) -> None:
    prove(alice)

    assert begin(alice, NUMBER).state == LinkState.ASKING
    assert LineLink.objects.count() == 1


def test_proving_again_while_the_line_is_read_keeps_one_request(
    alice: User, customers: str
) -> None:
    prove(alice)
    prove(alice)

    assert LineLink.objects.count() == 1
    assert open_tasks(linking.KIND) == 1


def test_a_code_proves_the_number_that_it_went_to(alice: User, customers: str) -> None:
    begin(alice, NUMBER)

    link = linking.confirm(alice, code_for(alice, "+12025550143"))

    assert link.number == "+12025550143"
    assert proofs.strength_of(alice, NUMBER) == Strength.NONE


def test_a_code_works_once(alice: User, customers: str) -> None:
    begin(alice, NUMBER)
    asked = code_for(alice, NUMBER)
    linking.confirm(alice, asked)

    with pytest.raises(codes.CodeOver):
        linking.confirm(alice, asked)


def test_five_different_codes_from_bills_a_day(alice: User, customers: str) -> None:
    for number in range(5):
        begin(alice, bill_code=f"HOLD-{number}")

    with pytest.raises(Locked):
        begin(alice, bill_code="HOLD-5")
    assert begin(alice, NUMBER).state == LinkState.PROVING


def test_the_bill_code_is_sealed(alice: User, customers: str) -> None:
    begin(alice, NUMBER, BILL_CODE)

    with connection.cursor() as cursor:
        cursor.execute("SELECT bill_code FROM subscriptions_linelink")
        [[stored]] = cursor.fetchall()
    assert stored
    assert BILL_CODE not in stored


def test_of_two_accounts_the_later_one_has_the_line(alice: User, bob: User, customers: str) -> None:
    first = link_line(alice)
    second = link_line(bob)

    assert OperatorLine.objects.get().line == second
    assert not first.sims.filter(until=None).exists()
    assert second.sims.get(until=None).sim.iccid == ICCID
    assert Subscription.objects.get().line == second
    first.refresh_from_db()
    assert first.msisdn == ""
    assert proofs.strength_of(alice, NUMBER) == Strength.NONE


def test_the_former_account_is_told_at_once(alice: User, bob: User, customers: str) -> None:
    link_line(alice)
    prove(bob)

    told = AccountMessage.objects.get(account=alice, occasion=Occasion.LINE_LOST)
    assert told.context == {"last4": "0142"}
    message = Message.objects.get(occasion=Occasion.LINE_LOST)
    assert message.address == alice.username
    assert not AccountMessage.objects.filter(account=bob).exists()


def test_an_account_without_the_line_is_not_told(alice: User, bob: User, customers: str) -> None:
    prove(alice)
    prove(bob)

    assert not AccountMessage.objects.filter(occasion=Occasion.LINE_LOST).exists()


def test_whoever_lost_the_number_meanwhile_does_not_get_the_line(
    alice: User, bob: User, customers: str
) -> None:
    prove(alice)
    link_line(bob)

    work(alice)

    assert newest_link(alice).refusal == Refusal.NOT_PROVEN
    assert OperatorLine.objects.get().line.account == bob


def test_a_sign_in_with_the_operator_links_the_line_for_its_holder(
    alice: User, customers: str
) -> None:
    prove(alice, kind=ProofKind.OIDC)
    work(alice)

    assert Line.objects.get().account == alice
    assert proofs.strength_of(alice, NUMBER) == Strength.HOLDER


def test_old_links_and_calls_are_deleted(alice: User, customers: str) -> None:
    link_line(alice)
    LineLink.objects.update(created_at=now() - timedelta(days=4000))
    CustomerCall.objects.update(sent_at=now() - timedelta(days=4000))

    retention.purge("subscriptions.CustomerCall")
    retention.purge("subscriptions.LineLink")

    assert not CustomerCall.objects.exists()
    assert not LineLink.objects.exists()
