"""Disputes at the desk: what they mean, the evidence, and what staff decide."""

from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils.timezone import now

from accounts.models import SignIn, User
from moportal.money import Money
from moportal.retention import purge
from outbox.domain import RetryAfter
from outbox.models import Task
from payments.domain import answers, disputes, evidence, refunds
from payments.models import Dispute, DisputeAnswer, Payment
from payments.states import AnswerKind, AnswerState, DisputeState, RefundKind
from payments.tasks import watch_disputes
from tests.payments.conftest import authorise, capture, make_payment
from tests.payments.disputes import ask_about, decide, disputed
from tests.processing import process_task
from tests.providers import books, break_it

DISPUTES = "/admin/payments/dispute/"


@pytest.fixture
def desk(client: Client, clara: User) -> Client:
    client.force_login(clara)
    return client


@pytest.fixture
def captured(alice: User, gateway: str) -> Payment:
    SignIn.objects.create(account=alice, session_key="k", device="Windows, Edge")
    return capture(authorise(make_payment(alice)))


def act(desk: Client, action: str, *rows: Dispute, **typed: str) -> tuple[str, list[str]]:
    """Post the action, and return the page and what it tells."""
    chosen = {"action": action, "_selected_action": [one.pk for one in rows]}
    answer = desk.post(DISPUTES, {**chosen, **typed})
    return answer.text, [str(told) for told in get_messages(answer.wsgi_request)]


def processed() -> RetryAfter | None:
    """Let a worker send the newest answer, and then ask about its dispute."""
    row = DisputeAnswer.objects.latest("pk")
    again = process_task(answers.KIND, row.pk)
    ask_about(row.dispute.gateway_id)
    return again


def states() -> list[tuple[str, str]]:
    return [(one.state, one.dispute.state) for one in DisputeAnswer.objects.all()]


def test_staff_answer_with_the_evidence_that_was_frozen(
    captured: Payment, gateway: str, desk: Client, clara: User
) -> None:
    row = disputed(gateway, captured)
    SignIn.objects.all().delete()
    asked, _told = act(desk, "answer", row)
    assert "Windows, Edge" in asked
    assert "can be sent once" in asked
    assert not DisputeAnswer.objects.exists()

    _page, told = act(desk, "answer", row, because="the eSIM was used")

    assert told == ["The decision is being sent to the gateway."]
    assert processed() is None
    sent = DisputeAnswer.objects.get()
    assert (sent.asked_by, sent.because) == (clara, "the eSIM was used")
    assert states() == [(AnswerState.DONE, DisputeState.ANSWERED)]
    shown = desk.get(f"{DISPUTES}{row.pk}/change/").text
    assert "the eSIM was used" in shown
    assert "Windows, Edge" in shown
    assert "The bank has the evidence and decides." in shown


def test_staff_accept_a_dispute(captured: Payment, gateway: str, desk: Client) -> None:
    row = disputed(gateway, captured)
    assert "keeps the money" in act(desk, "accept", row)[0]

    act(desk, "accept", row, because="their right")
    processed()

    assert states() == [(AnswerState.DONE, DisputeState.LOST)]


def test_an_inquiry_cannot_be_accepted_but_refunded(
    captured: Payment, gateway: str, desk: Client
) -> None:
    row = disputed(gateway, captured, kind="inquiry")

    _page, told = act(desk, "accept", row, because="x")

    assert told[0].endswith("Refund the charge instead.")


def test_a_second_click_and_an_ended_dispute_are_told(
    captured: Payment, gateway: str, desk: Client
) -> None:
    row = disputed(gateway, captured)
    act(desk, "answer", row, because="x")

    _page, told = act(desk, "accept", row, because="x")

    text = "This dispute needs no answer, or its answer is already being sent."
    assert told[-1] == text
    decide(gateway, row.gateway_id, "lost")
    ask_about(row.gateway_id)
    DisputeAnswer.objects.all().delete()
    assert act(desk, "answer", row, because="x")[1][-1] == text


def test_one_dispute_at_a_time_is_decided(captured: Payment, gateway: str, desk: Client) -> None:
    rows = disputed(gateway, captured, amount=1), disputed(gateway, captured, amount=2)

    assert act(desk, "answer", *rows, because="x")[1] == ["Choose one dispute."]


def test_an_answer_whose_answer_was_lost_is_sent_again_under_its_key(
    captured: Payment, gateway: str, desk: Client
) -> None:
    row = disputed(gateway, captured)
    act(desk, "answer", row, because="x")
    break_it(gateway, "answer", "drop_before")

    assert isinstance(processed(), RetryAfter)
    assert processed() is None
    assert processed() is None

    assert states() == [(AnswerState.DONE, DisputeState.ANSWERED)]
    keys = captured.calls.filter(operation="answer").values_list("key", flat=True)
    assert len(set(keys)) == 1
    assert len(keys) == 2


def test_an_answer_that_arrived_is_not_sent_twice(
    captured: Payment, gateway: str, desk: Client
) -> None:
    row = disputed(gateway, captured)
    act(desk, "answer", row, because="x")
    break_it(gateway, "answer", "drop_after")

    assert isinstance(processed(), RetryAfter)
    assert processed() is None

    assert captured.calls.filter(operation="answer").count() == 1
    assert states() == [(AnswerState.DONE, DisputeState.ANSWERED)]


def test_a_refused_answer_is_shown_and_waits_for_staff(
    captured: Payment, gateway: str, desk: Client
) -> None:
    row = disputed(gateway, captured)
    act(desk, "answer", row, because="x")
    assert row not in answers.unanswered()
    decide(gateway, row.gateway_id, "won")

    processed()

    assert states() == [(AnswerState.FAILED, DisputeState.WON)]
    assert "invalid_state" in desk.get(f"{DISPUTES}{row.pk}/change/").text


def test_the_desk_shows_the_disputes_that_need_staff(
    captured: Payment, gateway: str, desk: Client
) -> None:
    row = disputed(gateway, captured)
    assert str(captured) in desk.get(f"{DISPUTES}?staff=1").text
    assert str(captured) in desk.get(DISPUTES).text

    act(desk, "answer", row, because="x")
    processed()

    assert str(captured) not in desk.get(f"{DISPUTES}?staff=1").text


def test_staff_settle_what_the_customer_has_twice(
    captured: Payment, gateway: str, desk: Client
) -> None:
    refunds.refund_rest(captured, kind=RefundKind.ENDED, reason="x", before_call=lambda: None)
    row = disputed(gateway, captured)
    decide(gateway, row.gateway_id, "lost")
    ask_about(row.gateway_id)
    assert str(captured) in desk.get(f"{DISPUTES}?staff=1").text

    act(desk, "mark_settled", row)

    assert str(captured) not in desk.get(f"{DISPUTES}?staff=1").text
    evidence_lines = evidence.texts(Dispute.objects.get().evidence)["payment"]
    assert "Refunded: $19.00 on" in evidence_lines


def test_a_dispute_that_is_due_soon_is_shown_and_reported_once(
    captured: Payment, gateway: str, desk: Client, caplog: pytest.LogCaptureFixture
) -> None:
    row = disputed(gateway, captured)
    watch_disputes()
    assert "needs an answer" not in caplog.text
    Dispute.objects.update(due_at=now() + timedelta(days=1))

    for _ in range(2):
        watch_disputes()

    assert caplog.text.count("needs an answer") == 1
    assert Task.objects.get(kind=disputes.KIND, closed_at=None).enqueue_count == 4
    row.refresh_from_db()
    assert row.is_due_soon
    act(desk, "answer", row, because="x")
    processed()
    row.refresh_from_db()
    assert not row.is_due_soon


def test_the_evidence_is_emptied_some_time_after_the_end(captured: Payment, gateway: str) -> None:
    row = disputed(gateway, captured)
    assert purge("payments.Dispute") == 0
    decide(gateway, row.gateway_id, "lost")
    ask_about(row.gateway_id)
    assert purge("payments.Dispute") == 0
    Dispute.objects.update(ended_at=now() - timedelta(days=200))

    assert purge("payments.Dispute") == 1

    row.refresh_from_db()
    assert (row.evidence, row.counted_minor_units) == ({}, 1900)
    assert purge("payments.Dispute") == 0


def test_a_section_with_a_fault_does_not_hide_the_dispute(
    captured: Payment, gateway: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_payment: Payment) -> evidence.Lines:
        raise ValueError("broken")

    sections = {"broken": evidence.Section("broken", "Broken", broken)}
    monkeypatch.setattr(evidence, "_sections", sections)

    row = disputed(gateway, captured)

    assert evidence.texts(row.evidence) == {
        "broken": "Broken\nNote: This part could not be read when the dispute opened."
    }


def test_a_refund_at_the_desk_says_that_a_dispute_is_open(
    captured: Payment, gateway: str, desk: Client
) -> None:
    disputed(gateway, captured)
    action = {"action": "refund_part", "_selected_action": [captured.pk]}

    answer = desk.post("/admin/payments/payment/", {**action, "amount": "1", "because": "x"})

    told = [str(one) for one in get_messages(answer.wsgi_request)]
    assert told == ["A dispute about this charge is open. Nothing is refunded before it ends."]


def test_the_evidence_goes_to_the_gateway(captured: Payment, gateway: str, clara: User) -> None:
    row = disputed(gateway, captured)
    answers.request_answer(row, AnswerKind.EVIDENCE, because="x", actor=clara)

    processed()

    assert row.amount == Money(1900, "USD")
    assert "Windows, Edge" in books(gateway)["disputes"][0]["evidence"]
