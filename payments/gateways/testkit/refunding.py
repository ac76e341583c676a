"""Checks of refunds, whole and in parts."""

from moportal.money import Money
from payments.gateways.base import Ability
from payments.gateways.testkit.bench import (
    PRICE,
    Bench,
    authorised,
    captured,
    expect,
    expect_refusal,
    expect_type,
    new_key,
    register_check,
)
from payments.gateways.values import Captured, VoidedOrRefunded

THIRD = Money(600, PRICE.currency)
REST = Money(PRICE.minor_units - 2 * THIRD.minor_units, PRICE.currency)


@register_check()
def a_repeated_refund_gives_back_once(bench: Bench) -> None:
    gateway_id, key = captured(bench), new_key()

    first = bench.gateway.refund(gateway_id, PRICE, key=key)

    for _ in range(3):
        again = bench.gateway.refund(gateway_id, PRICE, key=key)
        expect(again == first, "the same refund with the same key has the same answer")
    standing = bench.gateway.fetch(gateway_id)
    expect_type(standing, VoidedOrRefunded, "a charge that is given back is `VoidedOrRefunded`")
    expect_refusal(
        lambda: bench.gateway.refund(gateway_id, PRICE, key=new_key()), "a second whole refund"
    )


@register_check()
def what_was_not_charged_cannot_be_refunded(bench: Bench) -> None:
    gateway_id = authorised(bench)
    expect_refusal(
        lambda: bench.gateway.refund(gateway_id, PRICE, key=new_key()),
        "a refund of what is only authorised",
    )


@register_check(Ability.PART_REFUNDS)
def parts_are_given_back_up_to_the_charge_and_never_beyond_it(bench: Bench) -> None:
    gateway_id = captured(bench)

    for _ in range(2):
        bench.gateway.refund(gateway_id, THIRD, key=new_key())
        standing = bench.gateway.fetch(gateway_id)
        expect_type(standing, Captured, "a charge that is given back in part is `Captured`")
    beyond = Money(REST.minor_units + 1, REST.currency)
    expect_refusal(
        lambda: bench.gateway.refund(gateway_id, beyond, key=new_key()),
        "a part beyond what is left",
    )

    bench.gateway.refund(gateway_id, REST, key=new_key())

    standing = bench.gateway.fetch(gateway_id)
    expect_type(standing, VoidedOrRefunded, "the last part makes it `VoidedOrRefunded`")


@register_check(Ability.PART_REFUNDS)
def a_repeated_part_is_given_back_once(bench: Bench) -> None:
    gateway_id, key = captured(bench), new_key()

    for _ in range(4):
        bench.gateway.refund(gateway_id, THIRD, key=key)

    rest = Money(PRICE.minor_units - THIRD.minor_units, PRICE.currency)
    bench.gateway.refund(gateway_id, rest, key=new_key())
    standing = bench.gateway.fetch(gateway_id)
    expect_type(standing, VoidedOrRefunded, "one part and the rest are the whole charge")


@register_check(Ability.PART_REFUNDS)
def a_refunds_key_is_not_taken_for_another_amount(bench: Bench) -> None:
    gateway_id, key = captured(bench), new_key()
    bench.gateway.refund(gateway_id, THIRD, key=key)

    expect_refusal(
        lambda: bench.gateway.refund(gateway_id, REST, key=key),
        "a key that was used for another amount is refused",
    )
