"""The customer system over HTTP: one address for each operation (docs/customer-system.md)."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
from django.conf import settings

from moportal.http_client import check_address, exchange_json
from moportal.identifiers import Country, Iccid
from moportal.text.instants import parse_instant
from moportal.text.json_numbers import whole_number
from subscriptions.customers.base import (
    CustomerSystemRefused,
    CustomerSystemUnavailable,
    LineOnRecord,
    LineRequest,
    Operation,
    Pending,
    PlanOnLine,
    Reason,
)

LONGEST_REFERENCE, LONGEST_NAME = 40, 80
MOST_BYTES = 10**15
# Seconds until a pending request is asked about again, at least and at most.
SOONEST, LATEST = 1, 3600


class HttpCustomerSystem:
    """`POST` to `CUSTOMER_SYSTEM_URL/lines/…`; `CUSTOMER_OPERATIONS` lists what is offered."""

    @property
    def offered(self) -> frozenset[Operation]:
        names: list[str] = settings.CUSTOMER_OPERATIONS
        return frozenset({Operation.FIND, Operation.BALANCE, *map(Operation, names)})

    def carry_out(self, request: LineRequest) -> LineOnRecord | Pending:
        """Send the request, and check that the answer is a line."""
        base = check_address(settings.CUSTOMER_SYSTEM_URL, name="CUSTOMER_SYSTEM_URL")
        token: str = settings.CUSTOMER_SYSTEM_TOKEN
        status, answer = exchange_json(
            "POST",
            f"{base}{_path(request)}",
            within=settings.OUTSIDE_CALL_TIMEOUT,
            unavailable=CustomerSystemUnavailable,
            content=_content(request),
            headers={
                "Idempotency-Key": request.key,
                **({"Authorization": f"Bearer {token}"} if token else {}),
            },
            not_found_errors=frozenset({Reason.UNKNOWN}),
        )
        if status == httpx.codes.ACCEPTED:
            return Pending(_delay(answer))
        if httpx.codes.is_client_error(status):
            raise CustomerSystemRefused(_reason(answer), f"HTTP {status}: {str(answer)[:120]}")
        if status != httpx.codes.OK:
            raise CustomerSystemUnavailable(f"HTTP {status}", was_sent=True)
        return _parse_line(answer)


def _path(request: LineRequest) -> str:
    if request.operation == Operation.FIND:
        return "/lines/find"
    return f"/lines/{quote(request.line, safe='')}/{request.operation}"


def _content(request: LineRequest) -> dict[str, str]:
    named = {
        "number": request.number,
        "billCode": request.bill_code,
        "iccid": request.iccid,
        "plan": request.plan,
        "newPlan": request.new_plan,
    }
    return {name: value for name, value in named.items() if value}


def _reason(answer: Mapping[str, Any]) -> Reason:
    error = answer.get("error")
    return Reason(error) if error in list(Reason) else Reason.REFUSED


def _delay(answer: Mapping[str, Any]) -> timedelta:
    seconds = whole_number(answer.get("retryAfter")) or SOONEST
    return timedelta(seconds=min(max(seconds, SOONEST), LATEST))


def _parse_line(answer: Mapping[str, Any]) -> LineOnRecord:
    """Parse a line. Raises `CustomerSystemUnavailable` if it cannot be stored."""
    try:
        return LineOnRecord(
            reference=_text(answer["reference"], LONGEST_REFERENCE),
            number=_number(answer["number"]),
            is_locked=_flag(answer.get("locked", False)),
            sim_changed_at=_instant_or_none(answer.get("simChangedAt")),
            iccids=tuple(str(Iccid.parse(_text(one, 20))) for one in answer["sims"]),
            plans=tuple(_plan(one) for one in answer["plans"]),
            is_bill_code_right=_flag(answer.get("billCodeValid", False)),
            is_holder_identified=_flag_or_none(answer.get("holderIdentified")),
        )
    # Invalid identifiers are ValueErrors. A missing name raises KeyError, and another kind of
    # value TypeError or AttributeError.
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        detail = f"not a line: {type(error).__name__} {error}"
        raise CustomerSystemUnavailable(detail[:120], was_sent=True) from error


def _plan(document: Mapping[str, Any]) -> PlanOnLine:
    total = document.get("totalBytes")
    total_bytes = None if total is None else _bytes(total)
    starts_at, ends_at = _instant(document["startsAt"]), _instant(document["endsAt"])
    if ends_at <= starts_at:
        raise ValueError("a plan that ends before it starts")
    return PlanOnLine(
        reference=_text(document["reference"], LONGEST_REFERENCE),
        name=_text(document["name"], LONGEST_NAME),
        starts_at=starts_at,
        ends_at=ends_at,
        total_bytes=total_bytes,
        left_bytes=0 if total_bytes is None else min(_bytes(document["leftBytes"]), total_bytes),
        countries=tuple(str(Country.parse(_text(one, 2))) for one in document["countries"]),
    )


def _text(value: object, longest: int) -> str:
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= longest:
        raise ValueError(f"{str(value)[:40]!r}")
    return value


def _number(value: object) -> str:
    number = _text(value, 16)
    if not number.startswith("+") or not (number[1:].isascii() and number[1:].isdecimal()):
        raise ValueError("number")
    return number


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("not true or false")
    return value


def _flag_or_none(value: object) -> bool | None:
    return None if value is None else _flag(value)


def _instant(value: object) -> datetime:
    return parse_instant(_text(value, 40))


def _instant_or_none(value: object) -> datetime | None:
    return None if value is None else _instant(value)


def _bytes(value: object) -> int:
    number = whole_number(value)
    if number is None or not 0 <= number <= MOST_BYTES:
        raise ValueError("bytes")
    return number
