"""What the voucher server does: reserve, redeem, cancel and return.

A reservation that is refused is stored too, with its reason.
"""

import hashlib
import json
import time
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from simulators.keys import Refused, Reply
from simulators.vouchers.books import Books

# How long a reservation can be redeemed, in seconds.
RESERVED_FOR = 24 * 3600
HIGHEST_AMOUNT = 10**12
# The state from which each action leads, and the state to which it leads.
ACTIONS = {"redeem": ("reserved", "redeemed"), "cancel": ("reserved", "cancelled")}


def request_digest(path: str, body: dict[str, Any]) -> str:
    """Return a digest that is the same for the same request."""
    return hashlib.sha256(json.dumps([path, body], sort_keys=True).encode()).hexdigest()


def issue(books: Books, body: dict[str, Any]) -> Reply:
    """Issue a voucher. Without `expires_at` it is valid for a year."""
    code, currency = body.get("code"), body.get("currency")
    if not isinstance(code, str) or not isinstance(currency, str):
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_voucher")
    books.issue(
        code,
        amount=_whole_amount(body.get("amount")),
        currency=currency,
        expires_at=float(body.get("expires_at", time.time() + 365 * 24 * 3600)),
        is_blocked=bool(body.get("blocked")),
    )
    return HTTPStatus.CREATED, {"status": "issued"}


def issue_missing(books: Books, vouchers: Iterable[dict[str, Any]]) -> None:
    """Issue each of these vouchers unless its code is in the books, from an earlier start."""
    for voucher in vouchers:
        if books.voucher(voucher["code"]) is None:
            issue(books, voucher)


def reserve(books: Books, body: dict[str, Any], *, key: str) -> Reply:
    """Reserve an amount of a voucher, or store why that is refused."""
    _whole_amount(body.get("amount"))
    for name in ("code", "currency", "reference"):
        if not isinstance(body.get(name), str) or not body[name]:
            raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, f"invalid_{name}")
    reason = _reason_to_refuse(books.voucher(body["code"]), body)
    identifier = books.add_reservation(
        "refused" if reason else "reserved",
        reason,
        body,
        key=key,
        expires_at=int(time.time()) + RESERVED_FOR,
    )
    reservation = books.reservation(identifier)
    assert reservation is not None  # noqa: S101 -- it was stored above
    return HTTPStatus.CREATED, describe(reservation)


def _reason_to_refuse(voucher: dict[str, Any] | None, body: dict[str, Any]) -> str:
    """Return the first reason that applies, or an empty text."""
    if voucher is None:
        return "unknown_code"
    left = voucher["amount"] - voucher["spent"]
    reasons = {
        "blocked": voucher["is_blocked"],
        "expired": voucher["expires_at"] <= time.time(),
        "other_currency": voucher["currency"] != body["currency"],
        "used_up": left == 0,
        "too_small": body["amount"] > left,
        "in_use": body["amount"] > left - voucher["held"],
    }
    return next((reason for reason, applies in reasons.items() if applies), "")


def describe(reservation: dict[str, Any]) -> dict[str, Any]:
    """Return what the portal is told about a reservation: everything but the code."""
    return {name: value for name, value in reservation.items() if name != "code"}


def change(books: Books, identifier: str, action: str) -> Reply:
    """Redeem or cancel a reservation. Raises `Refused` with its state if that is not possible."""
    before, after = ACTIONS[action]
    _reservation_in(books, identifier, before)
    books.set_status(identifier, after)
    return HTTPStatus.OK, {"id": identifier, "status": after}


def give_back(books: Books, identifier: str, body: dict[str, Any], *, key: str) -> Reply:
    """Put an amount back onto the voucher. One that has expired or is blocked takes none."""
    reservation = _reservation_in(books, identifier, "redeemed")
    amount = _whole_amount(body.get("amount"))
    if amount > reservation["amount"] - reservation["returned"]:
        raise Refused(HTTPStatus.CONFLICT, "invalid_return", state=reservation["status"])
    voucher = books.voucher(reservation["code"])
    is_closed = voucher is None or voucher["is_blocked"] or voucher["expires_at"] <= time.time()
    reason = "voucher_closed" if is_closed else ""
    made = books.add_return(identifier, key=key, amount=amount, reason=reason)
    is_whole = not reason and reservation["returned"] + amount == reservation["amount"]
    if is_whole:
        books.set_status(identifier, "returned")
    shown = next(one for one in books.returns(identifier) if one["id"] == made)
    return HTTPStatus.OK, {"id": identifier, "return": shown}


def _reservation_in(books: Books, identifier: str, state: str) -> dict[str, Any]:
    """Return the reservation, or raise `Refused` if it is not in this state."""
    reservation = books.reservation(identifier)
    if reservation is None:
        raise Refused(HTTPStatus.NOT_FOUND, "unknown_reservation")
    if reservation["status"] != state:
        raise Refused(HTTPStatus.CONFLICT, "invalid_state", state=reservation["status"])
    return reservation


def _whole_amount(amount: object) -> int:
    if not isinstance(amount, int) or isinstance(amount, bool) or not 0 < amount < HIGHEST_AMOUNT:
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_amount")
    return amount
