"""What a gateway lists as booked, parsed: an unusable answer is no answer."""

from typing import Any

import pytest

from moportal.money import Money
from payments.gateways.base import GatewayUnavailable
from payments.gateways.simulator_entries import parse_page
from payments.models import BookEntry

ENTRY: dict[str, Any] = {
    "id": "ent_1",
    "kind": "charge",
    "booked_on": "2026-11-29",
    "amount": 1900,
    "currency": "USD",
    "fee": 85,
    "payment": "pay_1",
    "cause": "",
    "reference": "ORDER",
    "payout": "",
}


def test_a_page_has_its_entries_and_where_the_next_one_begins() -> None:
    page = parse_page({"entries": [ENTRY], "after": "ent_1"})

    (entry,) = page.entries
    assert (page.after, entry.amount, entry.fee) == ("ent_1", Money(1900, "USD"), 85)
    assert str(BookEntry(gateway="x", kind=entry.kind, entry_id="ent_1")) == "x charge ent_1"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"entries": {}, "after": ""},
        {"entries": [], "after": None},
        {"entries": [], "after": "x" * 81},
        {"entries": [None], "after": ""},
    ],
    ids=["empty", "no_list", "no_place", "long_place", "no_entry"],
)
def test_what_is_no_page_is_no_answer(body: dict[str, Any]) -> None:
    with pytest.raises(GatewayUnavailable):
        parse_page(body)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("id", ""), ("id", "x" * 81), ("kind", "gift"), ("booked_on", "yesterday")),
        *(("amount", 19.5), ("amount", True), ("amount", "1900"), ("amount", 10**15 + 1)),
        *(("fee", None), ("currency", "XXX"), ("payment", None), ("payout", "a\0b")),
        ("reference", "x" * 81),
    ],
    ids=[
        *("no_id", "long_id", "kind", "day", "fraction", "boolean", "text", "huge", "no_fee"),
        *("currency", "no_payment", "nul", "long_reference"),
    ],
)
def test_an_unusable_value_is_no_answer(name: str, value: object) -> None:
    with pytest.raises(GatewayUnavailable):
        parse_page({"entries": [{**ENTRY, name: value}], "after": ""})
