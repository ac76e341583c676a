"""Checks of payments on a page of the gateway, which takes the card and confirms the amount."""

from urllib.parse import urlsplit

from moportal.money import Money
from payments.gateways.base import Ability
from payments.gateways.testkit.bench import (
    PRICE,
    RETURN_URL,
    Bench,
    authorise,
    expect,
    expect_refusal,
    expect_type,
    new_key,
    register_check,
)
from payments.gateways.values import (
    Authorised,
    Captured,
    CustomerStep,
    Declined,
    Standing,
    VoidedOrRefunded,
)
from payments.states import RefusalKind

PAGE = Ability.HOSTED_PAYMENT


@register_check(PAGE)
def a_page_takes_one_payment_and_says_what_was_used(bench: Bench) -> None:
    step = _open(bench, key=new_key())
    waiting = bench.gateway.fetch(step.gateway_id)
    expect_type(waiting, CustomerStep, "a page on which nobody has paid is `CustomerStep`")

    bench.pay(step.url)

    paid = expect_type(
        bench.gateway.fetch(step.gateway_id), Authorised, "a paid page is authorised"
    )
    expect(paid.method is not None, "the card that was used is named")
    expect(paid.method is None or paid.method.token == "", "a card that is not kept has no token")
    bench.gateway.capture(paid.gateway_id, key=new_key())
    expect_type(bench.gateway.fetch(paid.gateway_id), Captured, "its amount can be charged")


@register_check(PAGE)
def a_kept_card_pays_again_without_the_page(bench: Bench) -> None:
    step = _open(bench, key=new_key(), keep=True)

    bench.pay(step.url)

    paid = expect_type(
        bench.gateway.fetch(step.gateway_id), Authorised, "a paid page is authorised"
    )
    token = paid.method.token if paid.method else ""
    expect(token != "", "a kept card has a token")
    expect_type(authorise(bench, token=token), Authorised, "a kept card pays by its token")


@register_check(PAGE)
def the_same_key_opens_the_same_page(bench: Bench) -> None:
    key = new_key()

    first = _open(bench, key=key)

    expect(_open(bench, key=key) == first, "the same key opens the same page")
    is_listed = urlsplit(first.url).hostname in bench.gateway.device_hosts()
    expect(is_listed, "the page's host is one of the hosts that a device must reach")
    other = Money(PRICE.minor_units + 1, PRICE.currency)
    expect_refusal(
        lambda: _ask(bench, key=key, amount=other), "a key that was used for another amount"
    )


@register_check(PAGE)
def a_page_that_was_ended_takes_no_payment(bench: Bench) -> None:
    step = _open(bench, key=new_key())

    bench.gateway.void(step.gateway_id, key=new_key())

    ended = bench.gateway.fetch(step.gateway_id)
    is_over = isinstance(ended, VoidedOrRefunded) or (
        isinstance(ended, Declined) and ended.kind == RefusalKind.CUSTOMER
    )
    expect(is_over, "a page that was ended is void, or needs the customer")


def _open(bench: Bench, *, key: str, keep: bool = False) -> CustomerStep:
    return expect_type(_ask(bench, key=key, keep=keep), CustomerStep, "a new page is a step")


def _ask(bench: Bench, *, key: str, keep: bool = False, amount: Money = PRICE) -> Standing:
    return bench.gateway.authorise_on_page(
        amount, reference=key[:20], return_url=RETURN_URL, keep=keep, key=key
    )
