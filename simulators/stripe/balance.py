"""Balance transactions: the stand-in's books, from its charges, refunds and payouts."""

from collections.abc import Sequence

from simulators.stripe.books import Books, Object

FEE, BASIS_POINTS = 30, 290


def page(books: Books, query: dict[str, str]) -> Object:
    """Return one page of the transactions of a period or of a payout, the newest first."""
    first, end = int(query.get("created[gte]", 0)), int(query.get("created[lt]", 2**40))
    found = [one for one in transactions(books) if first <= one["created"] < end]
    if wanted := query.get("type"):
        found = [one for one in found if one["type"] == wanted]
    if payout := query.get("payout"):
        paid = _paid_by(books, [payout])
        found = [one for one in found if payout == one["source"] or one["id"] in paid]
    found.reverse()
    if after := query.get("starting_after"):
        place = [one["id"] for one in found].index(after)
        found = found[place + 1 :]
    limit = int(query.get("limit", 10))
    return {"object": "list", "data": found[:limit], "has_more": len(found) > limit}


def transactions(books: Books) -> list[Object]:
    """Return all transactions, the oldest first."""
    charges = [one for one in books.all("charge") if one["captured"]]
    refunds = [one for one in books.all("refund") if one["status"] == "succeeded"]
    made = [_booked(one, "charge", 1) for one in charges]
    made += [_booked(one, "refund", -1) for one in refunds]
    made += [_booked(one, "payout", -1) for one in books.all("payout")]
    return sorted(made, key=lambda one: int(one["created"]))


def pay_out(books: Books, currency: str, **fields: object) -> Object:
    """Pay out what is left in a currency, as the account's schedule does every day.

    `fields` replace those of the payout: another `amount` is a mistake in the books.
    """
    payouts = [one["id"] for one in books.all("payout")]
    paid = _paid_by(books, payouts)
    left = [
        one
        for one in transactions(books)
        if one["currency"] == currency and one["type"] != "payout" and one["id"] not in paid
    ]
    payout = {
        "amount": sum(int(one["net"]) for one in left),
        "currency": currency,
        "automatic": True,
        "reconciliation_status": "completed",
        "status": "paid",
        "_pays": [one["id"] for one in left],
        **fields,
    }
    return books.add("payout", "po", payout)


def _paid_by(books: Books, payouts: Sequence[str]) -> set[str]:
    """Return the ids of the transactions that these payouts pay."""
    found = (books.get(payout) for payout in payouts)
    return {str(one) for payout in found if payout for one in payout["_pays"]}


def _booked(source: Object, kind: str, sign: int) -> Object:
    amount = sign * int(source["amount"])
    fee = FEE + amount * BASIS_POINTS // 10_000 if sign > 0 else 0
    return {
        "id": f"txn_{source['id']}",
        "object": "balance_transaction",
        "amount": amount,
        "created": source["created"],
        "currency": source["currency"],
        "fee": fee,
        "net": amount - fee,
        "source": source["id"],
        "status": "available",
        "type": kind,
    }
