"""Checks of the search by which a payment is found after the gateway has forgotten its key."""

from datetime import timedelta

from django.utils.timezone import now

from payments.gateways.testkit.bench import (
    PRICE,
    Bench,
    Treated,
    authorise,
    captured,
    expect,
    new_key,
    register_check,
)
from payments.gateways.values import Declined, Standing


def find(bench: Bench, key: str) -> Standing | None:
    """Search for the payment that was made with this key a moment ago."""
    return bench.gateway.find(reference=key[:20], key=key, since=now() - timedelta(minutes=5))


@register_check()
def a_payment_is_found_by_reference_and_key(bench: Bench) -> None:
    key = new_key()
    standing = authorise(bench, key=key)

    found = find(bench, key)

    expect(found == standing, "the search gives the answer of authorise")


@register_check()
def a_refused_payment_is_found_too(bench: Bench) -> None:
    key = new_key()
    standing = authorise(bench, Treated.REFUSED_FOR_NOW, key=key)

    found = find(bench, key)

    # A gateway that answers a refusal with an error makes no payment that could be found.
    is_kept = not isinstance(standing, Declined) or standing.gateway_id != ""
    expect(found == (standing if is_kept else None), "the search gives the answer of authorise")


@register_check()
def a_payment_that_was_never_made_is_not_found(bench: Bench) -> None:
    authorise(bench)
    key = new_key()

    expect(find(bench, key) is None, "nothing has this key")


@register_check()
def a_refund_is_found_by_its_key(bench: Bench) -> None:
    gateway_id, key = captured(bench), new_key()
    expect(bench.gateway.find_refund(gateway_id, key=key) is None, "nothing was refunded yet")

    refund = bench.gateway.refund(gateway_id, PRICE, key=key)

    expect(bench.gateway.find_refund(gateway_id, key=key) == refund, "the refund is found")
    expect(bench.gateway.find_refund(gateway_id, key=new_key()) is None, "no other has this key")
