"""Checks of stored cards: exchanged from a form, typed on a page, and forgotten."""

import re
from dataclasses import replace
from urllib.parse import urlsplit

from payments.gateways.base import Ability, CardRefused
from payments.gateways.testkit.bench import (
    RETURN_URL,
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
from payments.gateways.values import StillOpen, StoredCard

LAST_FOUR = re.compile(r"[0-9]{4}")


@register_check(Ability.STORED_METHODS)
def a_forgotten_method_is_not_charged_again(bench: Bench) -> None:
    token = bench.token(Treated.APPROVED)

    for _ in range(2):
        bench.gateway.forget(token, key=new_key())

    expect_refusal(lambda: authorise(bench, token=token), "a charge of a forgotten method")


@register_check(Ability.CARD_ENTRY)
def a_card_becomes_a_token_and_only_its_last_four_come_back(bench: Bench) -> None:
    card = bench.card()

    stored = bench.gateway.tokenise(card, key=new_key())

    _expect_last_four_only(stored)
    expect(card.number.endswith(stored.last4), "the last four are those of the card")
    expect(
        (stored.expiry_month, stored.expiry_year) == (card.expiry_month, card.expiry_year),
        "the expiry is that of the card",
    )


@register_check(Ability.CARD_ENTRY)
def a_wrong_digit_names_the_number(bench: Bench) -> None:
    card = bench.card()
    wrong = replace(card, number=f"{card.number[:-1]}{(int(card.number[-1]) + 1) % 10}")

    try:
        bench.gateway.tokenise(wrong, key=new_key())
    except CardRefused as refused:
        expect(refused.field == "number", "a wrong digit is in the field `number`")
    else:
        raise KitFailure("a number with a wrong check digit is refused")


@register_check(Ability.HOSTED_PAGE)
def a_page_is_opened_once_and_gives_the_card_that_is_typed_on_it(bench: Bench) -> None:
    key = new_key()

    page = bench.gateway.open_page(return_url=RETURN_URL, key=key)

    again = bench.gateway.open_page(return_url=RETURN_URL, key=key)
    expect(again == page, "the same key opens the same page")
    is_listed = urlsplit(page.url).hostname in bench.gateway.device_hosts()
    expect(is_listed, "the page's host is one of the hosts that a device must reach")
    before = bench.gateway.fetch_page(page.page_id)
    expect_type(before, StillOpen, "a page without a card is `StillOpen`")
    bench.type_card(page.url)
    after = bench.gateway.fetch_page(page.page_id)
    stored = expect_type(after, StoredCard, "a page with a card gives it")
    _expect_last_four_only(stored)


def _expect_last_four_only(stored: StoredCard) -> None:
    expect(LAST_FOUR.fullmatch(stored.last4) is not None, "the card's last four digits are kept")
    expect(stored.token not in {"", stored.last4}, "the card has a token")
