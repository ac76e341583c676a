"""Checks of the gateway's books."""

from datetime import date, timedelta

from payments.gateways.base import Ability
from payments.gateways.entries import Entry
from payments.gateways.testkit.bench import (
    PRICE,
    Bench,
    KitFailure,
    authorised,
    captured,
    expect,
    new_key,
    register_check,
)
from payments.states import EntryKind

MOST_PAGES = 1000


@register_check(Ability.BOOKS)
def a_charge_and_its_refund_are_booked_with_their_signs(bench: Bench) -> None:
    gateway_id = captured(bench)
    refund = bench.gateway.refund(gateway_id, PRICE, key=new_key())

    booked = _booked(bench, bench.booked_day(), gateway_id)

    charges = [entry for entry in booked if entry.kind == EntryKind.CHARGE]
    refunds = [entry for entry in booked if entry.kind == EntryKind.REFUND]
    expect([one.amount for one in charges] == [PRICE], "a charge is one entry above zero")
    expect([one.amount for one in refunds] == [-PRICE], "a refund is one entry below zero")
    expect(refunds[0].cause_id == refund.refund_id, "a refund's entry names the refund")
    expect(all(one.fee >= 0 for one in booked), "a fee is what the gateway keeps, above zero")


@register_check(Ability.BOOKS)
def entries_are_the_same_when_they_are_read_again(bench: Bench) -> None:
    gateway_id = captured(bench)
    day = bench.booked_day()

    first, again = (_booked(bench, day, gateway_id) for _ in range(2))

    expect(first == again, "an entry has the same id and content each time")
    entries = _read(bench, day)
    ids = {entry.entry_id for entry in entries}
    expect(len(ids) == len(entries), "an entry has an id of its own")


@register_check(Ability.BOOKS)
def an_entry_belongs_to_one_day(bench: Bench) -> None:
    gateway_id = captured(bench)
    day = bench.booked_day()

    expect({one.booked_on for one in _booked(bench, day, gateway_id)} == {day}, "it has its day")
    long_before = day - timedelta(days=7)
    expect(_booked(bench, long_before, gateway_id) == [], "no other day lists it")


@register_check(Ability.BOOKS)
def what_is_only_authorised_is_not_booked(bench: Bench) -> None:
    gateway_id = authorised(bench)

    expect(_booked(bench, bench.booked_day(), gateway_id) == [], "no money has moved")


def _booked(bench: Bench, day: date, gateway_id: str) -> list[Entry]:
    """Return the entries for a payment."""
    return [entry for entry in _read(bench, day) if entry.gateway_id == gateway_id]


def _read(bench: Bench, day: date) -> list[Entry]:
    """Return all entries of a day. Raises `KitFailure` if its pages have no end."""
    entries, after = list[Entry](), ""
    for _ in range(MOST_PAGES):
        page = bench.gateway.fetch_entries(day, after=after)
        entries += page.entries
        after = page.after
        if not after:
            return entries
    raise KitFailure("the pages of a day have an end")
