"""Checks of the events that a gateway posts."""

from collections.abc import Mapping

from payments.gateways.base import Ability, WebhookForged
from payments.gateways.testkit.bench import (
    Bench,
    KitFailure,
    authorised,
    expect,
    register_check,
)


@register_check(Ability.PUSH)
def an_event_names_its_payment_and_a_repeat_has_its_identifier(bench: Bench) -> None:
    gateway_id = authorised(bench)
    body, headers = bench.event(gateway_id)

    first, again = (bench.gateway.parse_webhook(body, headers) for _ in range(2))

    expect(first.gateway_id == gateway_id, "an event names the payment that it is about")
    expect(first.identifier != "", "an event has an identifier")
    expect(first == again, "a repeated event is read as before")


@register_check(Ability.PUSH)
def a_forged_event_is_refused(bench: Bench) -> None:
    gateway_id = authorised(bench)
    body, headers = bench.event(gateway_id)

    _expect_forged(bench, body + b" ", headers, "a body that was changed")
    _expect_forged(bench, body, {}, "an event without a signature")
    other = dict.fromkeys(headers, "t=1,v1=00")
    _expect_forged(bench, body, other, "an event with another signature")


def _expect_forged(bench: Bench, body: bytes, headers: Mapping[str, str], what: str) -> None:
    try:
        bench.gateway.parse_webhook(body, headers)
    except WebhookForged:
        return
    raise KitFailure(f"{what} is refused as forged")
