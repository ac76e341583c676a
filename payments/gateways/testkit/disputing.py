"""Checks of disputes, inquiries and early fraud warnings."""

from moportal.money import Money
from payments.gateways.base import Ability
from payments.gateways.disputes import DisputeStanding, FraudWarned
from payments.gateways.testkit.bench import (
    PRICE,
    Bench,
    captured,
    expect,
    expect_refusal,
    expect_type,
    new_key,
    register_check,
)
from payments.states import DisputeKind, DisputeState

NOTHING = Money(0, PRICE.currency)
EVIDENCE = {"order": "Order ABC, paid by its owner.", "usage": "1.2 GB used."}


@register_check(Ability.DISPUTES)
def a_dispute_names_its_payment_and_takes_its_amount_at_once(bench: Bench) -> None:
    payment, dispute_id = _disputed(bench)

    first, again = _fetch(bench, dispute_id), _fetch(bench, dispute_id)

    expect(first == again, "fetch_dispute changes nothing")
    expect(first.dispute_id == dispute_id, "a dispute has its own id")
    expect(first.payment_id == payment, "a dispute names its payment")
    expect(first.state == DisputeState.OPENED, "a new dispute is open")
    expect(first.kind == DisputeKind.DISPUTE, "it is no inquiry")
    expect((first.amount, first.taken) == (PRICE, PRICE), "its amount is taken when it opens")


@register_check(Ability.DISPUTES)
def an_inquiry_takes_nothing(bench: Bench) -> None:
    _payment, dispute_id = _disputed(bench, DisputeKind.INQUIRY)

    inquiry = _fetch(bench, dispute_id)

    expect(inquiry.kind == DisputeKind.INQUIRY, "an inquiry is no dispute")
    expect((inquiry.amount, inquiry.taken) == (PRICE, NOTHING), "an inquiry has taken nothing")


@register_check(Ability.DISPUTES)
def what_was_taken_comes_back_when_the_dispute_is_won(bench: Bench) -> None:
    _payment, dispute_id = _disputed(bench)
    bench.gateway.answer_dispute(dispute_id, EVIDENCE, key=new_key())

    bench.end_dispute(dispute_id, is_won=True)

    won = _fetch(bench, dispute_id)
    expect((won.state, won.taken) == (DisputeState.WON, NOTHING), "a won dispute takes nothing")


@register_check(Ability.DISPUTES)
def what_was_taken_is_gone_when_the_dispute_is_lost(bench: Bench) -> None:
    _payment, dispute_id = _disputed(bench)

    bench.end_dispute(dispute_id, is_won=False)

    lost = _fetch(bench, dispute_id)
    expect((lost.state, lost.taken) == (DisputeState.LOST, PRICE), "a lost dispute keeps it")


@register_check(Ability.DISPUTES)
def a_repeated_answer_answers_once(bench: Bench) -> None:
    _payment, dispute_id = _disputed(bench)
    key = new_key()

    for _ in range(3):
        bench.gateway.answer_dispute(dispute_id, EVIDENCE, key=key)

    expect(_fetch(bench, dispute_id).state == DisputeState.ANSWERED, "it is answered")
    expect_refusal(
        lambda: bench.gateway.answer_dispute("unknown", EVIDENCE, key=new_key()),
        "an answer to an unknown dispute",
    )


@register_check(Ability.DISPUTES)
def an_accepted_dispute_is_lost(bench: Bench) -> None:
    _payment, dispute_id = _disputed(bench)
    key = new_key()

    for _ in range(2):
        bench.gateway.accept_dispute(dispute_id, key=key)

    expect(_fetch(bench, dispute_id).state == DisputeState.LOST, "an accepted dispute is lost")


@register_check(Ability.DISPUTES)
def fraud_is_told_from_other_reasons(bench: Bench) -> None:
    for is_fraud in (True, False):
        _payment, dispute_id = _disputed(bench, is_fraud=is_fraud)
        dispute = _fetch(bench, dispute_id)
        expect(dispute.is_fraud == is_fraud, "a dispute says whether it is about fraud")
        expect(dispute.reason != "", "a dispute has a reason")


@register_check(Ability.DISPUTES)
def a_fraud_warning_names_its_payment(bench: Bench) -> None:
    payment = captured(bench)

    warning_id = bench.warn_of_fraud(payment)

    found = bench.gateway.fetch_fraud_warning(warning_id)
    warning = expect_type(found, FraudWarned, "a fraud warning is found")
    expect(warning.payment_id == payment, "a fraud warning names its payment")


@register_check(Ability.DISPUTES)
def what_is_not_there_is_not_found(bench: Bench) -> None:
    expect(bench.gateway.fetch_dispute("unknown") is None, "there is no such dispute")
    expect(bench.gateway.fetch_fraud_warning("unknown") is None, "there is no such warning")


def _disputed(
    bench: Bench, kind: DisputeKind = DisputeKind.DISPUTE, *, is_fraud: bool = False
) -> tuple[str, str]:
    """Return the id of a new payment, and that of the dispute about it."""
    payment = captured(bench)
    return payment, bench.dispute(payment, kind=kind, is_fraud=is_fraud)


def _fetch(bench: Bench, dispute_id: str) -> DisputeStanding:
    found = bench.gateway.fetch_dispute(dispute_id)
    return expect_type(found, DisputeStanding, "a dispute is found by its id")
