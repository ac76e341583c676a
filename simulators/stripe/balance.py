"""Balance transactions: the stand-in's books, computed from its charges and refunds."""

from simulators.stripe.books import Books, Object

FEE, BASIS_POINTS = 30, 290


def page(books: Books, query: dict[str, str]) -> Object:
    """Return one page of the transactions of a period, the newest first."""
    first, end = int(query.get("created[gte]", 0)), int(query.get("created[lt]", 2**40))
    found = [one for one in transactions(books) if first <= one["created"] < end]
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
    return sorted(made, key=lambda one: int(one["created"]))


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
