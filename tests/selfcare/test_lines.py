"""`/account/lines/link/`: the number or the bill's code, a one-time code, a wait, then the line.

Everything goes without script, and against a customer system that is a process of its own.
"""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.access import events
from accounts.domain import codes, proofs, reentry
from accounts.domain.proofs import Strength
from accounts.models import CodeRequest, Proof, User
from accounts.states import CodeState, ProofKind, Purpose, Refusal
from selfcare.views import lines as pages
from subscriptions import states
from subscriptions.domain.standing import lines_of
from subscriptions.models import LineLink, OperatorLine
from subscriptions.states import LinkState
from tests.accounts.codes import send_code
from tests.providers import break_it
from tests.subscriptions.operator_lines.steps import (
    BILL_CODE,
    NUMBER,
    link_line,
    newest_link,
    prove,
    work,
)

LINK, CODE, ACCOUNT = "/account/lines/link/", "/account/lines/link/code/", "/account/"
OTHER = "+12025550143"


def begin(client: Client, phone: str = NUMBER, bill_code: str = "") -> str:
    """Send the form, and return where it leads."""
    answer = client.post(LINK, {"phone": phone, "bill_code": bill_code})
    assert answer.status_code == 303
    return answer.headers["Location"]


def type_code(client: Client, code: str = "") -> str:
    """Let the code be sent, type it in, and return where that leads."""
    code = code or send_code()
    CodeRequest.objects.filter(state=CodeState.SENDING).update(state=CodeState.SENT)
    answer = client.post(CODE, {"code": code, "next": ""})
    assert answer.status_code == 303
    return answer.headers["Location"]


def link_by(client: Client, account: User, phone: str = NUMBER, bill_code: str = "") -> str:
    """Link a line over the pages, and return the account's page."""
    begin(client, phone, bill_code)
    wait = type_code(client)
    work(account)
    assert client.get(wait).headers["Location"] == ACCOUNT
    return client.get(ACCOUNT).text


def test_the_number_and_its_code_bring_the_line(
    as_alice: Client, alice: User, customers: str
) -> None:
    assert LINK in as_alice.get(ACCOUNT).text
    assert as_alice.get(LINK).status_code == 200
    assert begin(as_alice, "(202) 555-0142") == CODE
    assert "Sending the code" in as_alice.get(CODE).text

    wait = type_code(as_alice)
    page = as_alice.get(wait).text
    assert "Adding your line" in page
    assert '<meta http-equiv="refresh" content="2">' in page
    assert as_alice.post(wait).headers["Location"] == wait
    work(alice)

    assert as_alice.get(wait).headers["Location"] == ACCOUNT
    page = as_alice.get(ACCOUNT).text
    assert "The line ending in 0142 is in your account." in page
    assert "Home 50 GB" in page
    assert "31 GB" in page
    assert "I'm the holder" in page
    assert proofs.strength_of(alice, NUMBER) == Strength.USE


def test_a_linked_number_is_no_way_in_so_linking_asks_nobody_again(
    as_alice: Client, alice: User, customers: str
) -> None:
    session = as_alice.session
    session[reentry.SESSION_KEY] = 0
    session.save()

    assert "Home 50 GB" in link_by(as_alice, alice)

    assert not alice.addresses.filter(value=NUMBER).exists()
    Client().post("/recover/code/", {"username": NUMBER})
    assert CodeRequest.objects.latest("pk").purpose == Purpose.RECOVER
    assert not send_code()


def test_with_the_bills_code_the_customer_is_the_holder(
    as_alice: Client, alice: User, customers: str
) -> None:
    page = link_by(as_alice, alice, bill_code=BILL_CODE)

    assert proofs.strength_of(alice, NUMBER) == Strength.HOLDER
    assert "For the contract, the bill or the SIMs, contact our support team." in page


def test_a_wrong_bill_code_is_said_and_the_line_is_there(
    as_alice: Client, alice: User, customers: str
) -> None:
    page = link_by(as_alice, alice, bill_code="HOLD-0000")

    assert "The code from the bill isn&#x27;t right, so" in page
    assert "confirm with a code from your bill" in page


def test_the_bills_code_alone_finds_the_number(
    as_alice: Client, alice: User, customers: str
) -> None:
    wait = begin(as_alice, "", BILL_CODE)
    assert "Adding your line" in as_alice.get(wait).text
    work(alice)

    page = as_alice.get(wait).text
    assert "We found your line" in page
    assert "0142" in page
    assert NUMBER not in page
    assert not CodeRequest.objects.exists()
    assert as_alice.post(wait).headers["Location"] == CODE
    assert as_alice.get(wait).headers["Location"] == CODE
    wait = type_code(as_alice)
    work(alice)
    as_alice.get(wait)
    assert proofs.strength_of(alice, NUMBER) == Strength.HOLDER


def test_an_unknown_line_is_said_with_what_to_do(
    as_alice: Client, alice: User, customers: str
) -> None:
    begin(as_alice, "+12025550199")
    wait = type_code(as_alice)
    work(alice)

    page = as_alice.get(wait).text
    assert "We found no line with this number or code." in page
    assert "Contact support" in page
    assert "Try again" in page


@pytest.mark.parametrize("refusal", list(pages.WHY_NOT_LINKED))
def test_each_refusal_has_its_sentence(
    as_alice: Client, alice: User, refusal: states.Refusal
) -> None:
    link = LineLink.objects.create(
        account=alice, number=NUMBER, state=LinkState.REFUSED, refusal=refusal, ended_at=now()
    )

    page = as_alice.get(f"{LINK}{link.key}/").text

    assert str(pages.WHY_NOT_LINKED[refusal]).split(".")[0].replace("'", "&#x27;") in page


def test_while_the_customer_system_is_away_the_page_says_so_and_goes_on(
    as_alice: Client, alice: User, customers: str
) -> None:
    begin(as_alice)
    wait = type_code(as_alice)
    break_it(customers, "find", "http_500", times=2)
    work(alice)
    assert "longer than usual" not in as_alice.get(wait).text
    work(alice)

    page = as_alice.get(wait).text
    assert "This is taking longer than usual." in page
    assert as_alice.get(ACCOUNT).status_code == 200
    work(alice)
    assert as_alice.get(wait).headers["Location"] == ACCOUNT


@pytest.mark.parametrize(
    ("phone", "bill_code", "said"),
    [
        ("", "", "Enter the number or the code from your bill."),
        ("alice@example.com", "", "Enter a phone number"),
        ("12", "", "Enter a phone number"),
    ],
)
def test_what_is_no_number_is_said_and_kept(
    as_alice: Client, customers: str, phone: str, bill_code: str, said: str
) -> None:
    assert begin(as_alice, phone, bill_code) == LINK

    page = as_alice.get(LINK).text
    assert said in page
    assert phone in page
    assert not LineLink.objects.exists()


def test_after_five_wrong_bill_codes_the_number_is_kept_and_the_wait_told(
    as_alice: Client, customers: str
) -> None:
    for number in range(5):
        begin(as_alice, NUMBER, f"HOLD-{number}")
    assert begin(as_alice, OTHER, "HOLD-5") == LINK

    page = as_alice.get(LINK).text
    assert "There were too many wrong attempts." in page
    assert OTHER in page
    assert "HOLD-5" not in page


def test_too_many_codes_to_a_number_are_said(
    as_alice: Client, customers: str, settings: Settings
) -> None:
    settings.CODE_LIMIT = 1
    begin(as_alice)
    assert begin(as_alice) == LINK
    assert "Several codes were requested already." in as_alice.get(LINK).text

    as_alice.post(f"{CODE}again/")
    assert "Several codes were requested already." in as_alice.get(CODE).text


def test_no_code_goes_to_a_sim_in_this_device(
    as_alice: Client, alice: User, customers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codes, "_numbers_in_device", [lambda _request: {NUMBER}])

    assert begin(as_alice) == LINK
    assert "from this device" in as_alice.get(LINK).text
    wait = begin(as_alice, "", BILL_CODE)
    work(alice)
    assert as_alice.post(wait).headers["Location"] == wait
    assert "from this device" in as_alice.get(wait).text


def test_a_wrong_code_says_how_many_tries_are_left(as_alice: Client, customers: str) -> None:
    begin(as_alice)
    send_code()

    assert type_code(as_alice, "WRONG1") == CODE
    assert "You have 4 more tries" in as_alice.get(CODE).text
    assert type_code(as_alice, " ") == CODE
    assert not Proof.objects.exists()


def test_a_code_that_the_operator_checks_makes_the_page_wait(
    as_alice: Client, customers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(as_alice)
    send_code()

    def check(*_args: object, **_options: object) -> None:
        raise codes.CodeBeingChecked

    monkeypatch.setattr(codes, "check_code", check)
    assert type_code(as_alice, "123456") == CODE


def test_a_new_code_can_be_sent(as_alice: Client, alice: User, customers: str) -> None:
    begin(as_alice)
    send_code()
    assert as_alice.post(f"{CODE}again/").headers["Location"] == CODE
    assert as_alice.get(f"{CODE}again/").headers["Location"] == CODE

    assert type_code(as_alice).startswith(LINK)


def test_without_a_request_the_code_page_leads_to_the_form(
    as_alice: Client, customers: str
) -> None:
    assert as_alice.get(CODE).headers["Location"] == LINK
    assert as_alice.post(f"{CODE}again/").headers["Location"] == CODE


def test_an_older_attempt_leads_to_the_form(as_alice: Client, alice: User, customers: str) -> None:
    begin(as_alice)
    older = newest_link(alice)
    begin(as_alice, OTHER)

    assert as_alice.get(f"{LINK}{older.key}/").headers["Location"] == LINK


def test_a_strangers_link_is_404(as_alice: Client, bob: User, customers: str) -> None:
    prove(bob)

    assert as_alice.get(f"{LINK}{newest_link(bob).key}/").status_code == 404


def test_without_a_customer_system_nothing_is_offered(as_alice: Client) -> None:
    assert LINK not in as_alice.get(ACCOUNT).text
    assert as_alice.get(LINK).headers["Location"] == ACCOUNT


def test_what_is_left_is_hidden_once_it_is_too_old(
    as_alice: Client, alice: User, customers: str
) -> None:
    link_line(alice)
    OperatorLine.objects.update(balances_at=now() - timedelta(hours=2))

    page = as_alice.get(ACCOUNT).text
    assert "Home 50 GB" not in page
    assert "We don't know at the moment what is left on this line." in page


def test_a_number_that_changed_hands_must_be_confirmed_again(
    as_alice: Client, alice: User, customers: str
) -> None:
    link_line(alice)
    proofs.end_all(NUMBER)

    page = as_alice.get(ACCOUNT).text
    assert "Home 50 GB" not in page
    assert "The number must be confirmed again" in page
    assert "phone=%2B12025550142" in page
    assert NUMBER in as_alice.get(f"{LINK}?phone=%2B12025550142").text
    assert "Home 50 GB" in link_by(as_alice, alice)


def test_the_later_account_has_the_line_and_the_former_sees_it_no_more(
    as_alice: Client, alice: User, bob: User, customers: str
) -> None:
    link_line(alice)
    link_line(bob)

    page = as_alice.get(ACCOUNT).text
    assert "Home 50 GB" not in page
    assert "Line confirmed by someone else" in page


def test_a_locked_line_says_so_to_its_holder(as_alice: Client, alice: User, customers: str) -> None:
    number = "+12025550145"
    page = link_by(as_alice, alice, number, "HOLD-4714-MNBV")

    assert "The line is locked" in page
    [(_line, standing)] = lines_of(alice)
    assert (standing.is_holder, standing.may_change) == (True, False)


def test_after_a_recovery_the_holder_changes_nothing_for_a_day(
    as_alice: Client, alice: User, customers: str
) -> None:
    link_by(as_alice, alice, NUMBER, BILL_CODE)
    events.record(alice, events.Kind.RECOVERED)

    assert "Your account was recovered recently" in as_alice.get(ACCOUNT).text
    [(_line, standing)] = lines_of(alice)
    assert not standing.may_change


def test_a_change_waits_after_the_line_got_a_new_sim(
    as_alice: Client, alice: User, customers: str
) -> None:
    page = link_by(as_alice, alice, "+12025550146", "HOLD-4715-QWRT")

    assert "A change of the SIM has to wait for a while" in page
    [(_line, standing)] = lines_of(alice)
    assert (standing.may_change, standing.delay > timedelta()) == (True, True)


def test_who_has_taken_over_the_sim_cannot_change_the_line(
    as_alice: Client, alice: User, bob: User, customers: str
) -> None:
    """Bob has Alice's SIM. A code reaches him, and the line goes to him for use, no more."""
    link_by(as_alice, alice, NUMBER, BILL_CODE)
    as_bob = Client()
    as_bob.force_login(bob)

    link_by(as_bob, bob)

    [(_line, standing)] = lines_of(bob)
    assert (standing.strength, standing.may_change) == (Strength.USE, False)
    assert "I'm the holder" in as_bob.get(ACCOUNT).text
    assert "Line confirmed by someone else" in as_alice.get(ACCOUNT).text
    # Alice has her bill, and a code to the number once she has her SIM again.
    link_by(as_alice, alice, NUMBER, BILL_CODE)
    assert proofs.strength_of(bob, NUMBER) == Strength.NONE
    [(_line, standing)] = lines_of(alice)
    assert standing.is_holder


def test_who_has_taken_over_the_account_by_the_sim_is_restrained_for_a_day(
    as_alice: Client, alice: User, customers: str
) -> None:
    """With the SIM somebody comes back into the account by a code. A day passes before a change."""
    prove(alice, kind=ProofKind.IDENTITY)
    work(alice)
    events.record(alice, events.Kind.RECOVERED_BY_CODE)

    [(_line, standing)] = lines_of(alice)
    assert (standing.is_holder, standing.may_change) == (True, False)
    assert standing.restrained_until is not None


def test_a_sim_that_changed_lately_gets_no_code(
    as_alice: Client, alice: User, customers: str
) -> None:
    """The network's check refuses the code before it leaves, and the number proves nothing."""
    begin(as_alice)
    CodeRequest.objects.update(
        state=CodeState.REFUSED, refusal=Refusal.NUMBER_CHANGED, ended_at=now()
    )

    page = as_alice.get(CODE).text
    assert "changed hands recently" in page
    assert type_code(as_alice, "ABCDEF") == CODE
    assert proofs.strength_of(alice, NUMBER) == Strength.NONE
