"""Checks of payments that the operator starts while the customer is away."""

from payments.gateways.base import Ability
from payments.gateways.testkit.bench import (
    Bench,
    Treated,
    authorise,
    expect,
    expect_type,
    new_key,
    register_check,
)
from payments.gateways.testkit.charging import KINDS
from payments.gateways.testkit.searching import find
from payments.gateways.values import Authorised, Captured, CustomerStep, Declined
from payments.states import Initiator, RefusalKind

OFF_SESSION = Ability.OFF_SESSION
OPERATOR = Initiator.OPERATOR


@register_check(OFF_SESSION)
def an_off_session_payment_is_authorised_once_and_charged_later(bench: Bench) -> None:
    token, key = bench.token(Treated.APPROVED), new_key()

    first = authorise(bench, token=token, key=key, initiator=OPERATOR)

    gateway_id = expect_type(first, Authorised, "an approved method is authorised").gateway_id
    again = authorise(bench, token=token, key=key, initiator=OPERATOR)
    expect(again == first, "the same request with the same key has the same answer")
    found = find(bench, key)
    expect(found == first, "the search finds an off-session payment")
    bench.gateway.capture(gateway_id, key=new_key())
    expect_type(bench.gateway.fetch(gateway_id), Captured, "a captured payment is `Captured`")


@register_check(OFF_SESSION)
def off_session_nobody_is_asked_to_confirm(bench: Bench) -> None:
    token = bench.token(Treated.BANK_STEP_OFF_SESSION)

    away = authorise(bench, token=token, initiator=OPERATOR)

    refusal = expect_type(away, Declined, "a bank that wants the customer is `Declined`")
    expect(refusal.kind == RefusalKind.CUSTOMER, "the refusal needs the customer")
    fetched = bench.gateway.fetch(refusal.gateway_id)
    expect(fetched == refusal, "fetch says the same as authorise")
    there = authorise(bench, token=token)
    expect(isinstance(there, Authorised | CustomerStep), "with the customer the method can pay")


@register_check(OFF_SESSION)
def each_off_session_refusal_has_its_kind(bench: Bench) -> None:
    for treated in (Treated.REFUSED_FOR_GOOD, Treated.REFUSED_FOR_NOW):
        away = authorise(bench, treated, initiator=OPERATOR)
        refusal = expect_type(away, Declined, f"{treated} is `Declined`")
        expect(refusal.kind == KINDS[treated], f"{treated} has the kind {KINDS[treated]}")
        expect(refusal.reason != "", f"{treated} has a reason")
