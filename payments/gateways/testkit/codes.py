"""Checks of the code that a gateway sends and the customer types."""

from payments.gateways.base import Ability
from payments.gateways.testkit.bench import (
    Bench,
    KitFailure,
    Treated,
    authorise,
    expect,
    expect_refusal,
    expect_type,
    new_key,
    register_check,
)
from payments.gateways.values import Authorised, CodeStep, Declined, VoidedOrRefunded
from payments.states import CodeVerdict

# After this many wrong codes, a gateway must accept no more. Otherwise anybody can guess.
MOST_WRONG_CODES = 20


def _waiting(bench: Bench) -> CodeStep:
    """Return the step of a payment that waits for its code."""
    standing = authorise(bench, Treated.CODE_STEP)
    step = expect_type(standing, CodeStep, "the gateway asks for a code")
    expect(step.step_id != "", "the answer to authorise names the step")
    return step


def _type_code(bench: Bench, step: CodeStep, *, is_right: bool) -> CodeVerdict:
    code = bench.typed_code(step.gateway_id, is_right=is_right)
    return bench.gateway.confirm_code(step.gateway_id, step.step_id, code, key=new_key())


@register_check(Ability.CODE)
def the_right_code_authorises_however_often_it_is_sent(bench: Bench) -> None:
    step = _waiting(bench)
    expect_type(bench.gateway.fetch(step.gateway_id), CodeStep, "before the code the payment waits")

    for _ in range(3):
        expect(_type_code(bench, step, is_right=True) == CodeVerdict.RIGHT, "the code is right")

    standing = bench.gateway.fetch(step.gateway_id)
    expect_type(standing, Authorised, "after the right code the payment is authorised")


@register_check(Ability.CODE)
def a_wrong_code_authorises_nothing_and_the_right_one_still_does(bench: Bench) -> None:
    step = _waiting(bench)

    expect(_type_code(bench, step, is_right=False) == CodeVerdict.WRONG, "a wrong code is wrong")

    expect_type(bench.gateway.fetch(step.gateway_id), CodeStep, "the payment waits on")
    expect(_type_code(bench, step, is_right=True) == CodeVerdict.RIGHT, "the right code is right")


@register_check(Ability.CODE)
def after_too_many_wrong_codes_the_payment_is_refused(bench: Bench) -> None:
    step = _waiting(bench)

    for _ in range(MOST_WRONG_CODES):
        if _type_code(bench, step, is_right=False) == CodeVerdict.OVER:
            break
    else:
        raise KitFailure("wrong codes come to an end")

    expect_type(bench.gateway.fetch(step.gateway_id), Declined, "the payment is refused")
    expect(_type_code(bench, step, is_right=True) == CodeVerdict.OVER, "no code is taken any more")


@register_check(Ability.CODE)
def a_payment_that_waits_for_its_code_can_be_voided_but_not_charged(bench: Bench) -> None:
    step = _waiting(bench)
    expect_refusal(
        lambda: bench.gateway.capture(step.gateway_id, key=new_key()), "capture before the code"
    )

    bench.gateway.void(step.gateway_id, key=new_key())

    standing = bench.gateway.fetch(step.gateway_id)
    expect_type(standing, VoidedOrRefunded, "a voided payment is `VoidedOrRefunded`")
