"""Checks of authorise, fetch, capture and void."""

from datetime import timedelta

from django.utils.timezone import now

from moportal.money import Money
from payments.gateways.base import Ability
from payments.gateways.testkit.bench import (
    PRICE,
    Bench,
    Treated,
    authorise,
    authorised,
    captured,
    expect,
    expect_no_answer,
    expect_refusal,
    expect_type,
    new_key,
    register_check,
)
from payments.gateways.values import Authorised, Captured, CustomerStep, Declined, VoidedOrRefunded
from payments.states import RefusalKind

KINDS = {
    Treated.REFUSED_FOR_GOOD: RefusalKind.FINAL,
    Treated.REFUSED_FOR_NOW: RefusalKind.LATER,
    Treated.REFUSED_WITHOUT_THE_CUSTOMER: RefusalKind.CUSTOMER,
}


@register_check()
def the_adapter_declares_abilities_and_the_life_of_a_key(bench: Bench) -> None:
    gateway = bench.gateway
    abilities = expect_type(gateway.abilities, frozenset, "abilities are a frozenset")
    expect(all(isinstance(one, Ability) for one in abilities), "each ability is an `Ability`")
    life = gateway.remembers_keys_for
    expect(life is None or life > timedelta(), "a key lives for some time, or for ever (None)")


@register_check()
def a_repeated_authorisation_has_its_effect_once(bench: Bench) -> None:
    token, key = bench.token(Treated.APPROVED), new_key()

    first = authorise(bench, token=token, key=key)

    for _ in range(3):
        again = authorise(bench, token=token, key=key)
        expect(again == first, "the same request with the same key has the same answer")


@register_check()
def a_key_is_not_taken_for_another_amount(bench: Bench) -> None:
    token, key = bench.token(Treated.APPROVED), new_key()
    first = authorise(bench, token=token, key=key)
    other = Money(PRICE.minor_units + 1, PRICE.currency)

    expect_refusal(
        lambda: authorise(bench, token=token, key=key, amount=other),
        "a key that was used for another amount is refused",
    )

    gateway_id = expect_type(first, Authorised, "the first payment is authorised").gateway_id
    expect(bench.gateway.fetch(gateway_id) == first, "the first payment stays as it is")


@register_check()
def an_authorisation_ends_in_the_future(bench: Bench) -> None:
    standing = expect_type(authorise(bench), Authorised, "an approved method is authorised")
    ends = standing.expires_at
    expect(ends is None or ends > now(), "an authorisation ends later than now, or names no end")


@register_check()
def fetch_changes_nothing(bench: Bench) -> None:
    gateway_id = authorised(bench)

    seen = [bench.gateway.fetch(gateway_id) for _ in range(3)]

    expect(seen[0] == seen[1] == seen[2], "fetch gives the same answer each time")
    expect_type(seen[0], Authorised, "fetch leaves an authorisation as it is")
    bench.gateway.capture(gateway_id, key=new_key())
    expect_type(bench.gateway.fetch(gateway_id), Captured, "it can still be captured")


@register_check()
def an_unknown_payment_is_no_answer_and_cannot_be_charged(bench: Bench) -> None:
    gateway_id = "unknown-to-the-gateway"
    expect_no_answer(lambda: bench.gateway.fetch(gateway_id), "fetch of an unknown payment")
    expect_refusal(
        lambda: bench.gateway.capture(gateway_id, key=new_key()), "capture of an unknown payment"
    )


@register_check()
def a_repeated_capture_charges_once(bench: Bench) -> None:
    gateway_id, key = authorised(bench), new_key()

    for _ in range(3):
        bench.gateway.capture(gateway_id, key=key)

    expect_type(bench.gateway.fetch(gateway_id), Captured, "a captured payment is `Captured`")
    expect_refusal(
        lambda: bench.gateway.void(gateway_id, key=new_key()), "a charge cannot be voided"
    )


@register_check()
def a_voided_authorisation_cannot_be_charged(bench: Bench) -> None:
    gateway_id, key = authorised(bench), new_key()

    for _ in range(3):
        bench.gateway.void(gateway_id, key=key)

    standing = bench.gateway.fetch(gateway_id)
    expect_type(standing, VoidedOrRefunded, "a voided payment is `VoidedOrRefunded`")
    expect_refusal(
        lambda: bench.gateway.capture(gateway_id, key=new_key()), "capture of a voided payment"
    )


@register_check()
def each_refusal_has_its_kind_and_its_reason(bench: Bench) -> None:
    for treated, kind in KINDS.items():
        refusal = expect_type(authorise(bench, treated), Declined, f"{treated} is `Declined`")
        expect(refusal.kind == kind, f"{treated} has the kind {kind}")
        expect(refusal.reason != "", f"{treated} has a reason")
        is_without_advice = refusal.retry_after is None
        expect(is_without_advice or kind == RefusalKind.LATER, f"{treated} is never tried again")
        # A gateway that answers a refusal with an error makes no payment to ask about.
        if refusal.gateway_id:
            fetched = bench.gateway.fetch(refusal.gateway_id)
            expect(fetched == refusal, f"{treated}: fetch says the same as authorise")


@register_check()
def a_refused_payment_cannot_be_charged(bench: Bench) -> None:
    standing = authorise(bench, Treated.REFUSED_FOR_NOW)
    refusal = expect_type(standing, Declined, "a refusal is `Declined`")
    # Without an id nothing can be charged.
    if refusal.gateway_id:
        expect_refusal(
            lambda: bench.gateway.capture(refusal.gateway_id, key=new_key()),
            "capture of a refused payment",
        )


@register_check()
def the_amount_is_exact_whatever_the_currencys_decimals(bench: Bench) -> None:
    # No decimals, two and three: the yen, the dollar and the Kuwaiti dinar. With three decimals,
    # card schemes want the last one to be 0.
    for amount in (Money(500, "JPY"), Money(1999, "USD"), Money(1510, "KWD")):
        gateway_id = captured(bench, amount=amount)
        beyond = Money(amount.minor_units + 1, amount.currency)
        expect_refusal(
            lambda paid=gateway_id, more=beyond: bench.gateway.refund(paid, more, key=new_key()),  # type: ignore[misc]  # bound now, not after the loop
            f"a refund beyond {amount!r}",
        )
        bench.gateway.refund(gateway_id, amount, key=new_key())
        standing = bench.gateway.fetch(gateway_id)
        expect_type(standing, VoidedOrRefunded, f"{amount!r} was the whole charge")


@register_check(Ability.BANK_STEP)
def a_bank_step_ends_as_the_customer_decides(bench: Bench) -> None:
    for approves in (True, False):
        step = expect_type(authorise(bench, Treated.BANK_STEP), CustomerStep, "the bank asks")
        waiting = bench.gateway.fetch(step.gateway_id)
        expect_type(waiting, CustomerStep, "before the decision the payment waits")

        bench.decide(step.url, approves=approves)

        standing = bench.gateway.fetch(step.gateway_id)
        if approves:
            expect_type(standing, Authorised, "an approved step is authorised")
        else:
            refusal = expect_type(standing, Declined, "a refused step is `Declined`")
            expect(refusal.kind == RefusalKind.CUSTOMER, "the customer is needed for another try")


@register_check(Ability.BANK_STEP)
def a_payment_that_waits_at_the_bank_can_be_voided(bench: Bench) -> None:
    step = expect_type(authorise(bench, Treated.BANK_STEP), CustomerStep, "the bank asks")

    bench.gateway.void(step.gateway_id, key=new_key())

    standing = bench.gateway.fetch(step.gateway_id)
    expect_type(standing, VoidedOrRefunded, "a voided payment is `VoidedOrRefunded`")
