"""A customer's own data as one file (`moportal.personal` says what is in it).

The file is JSON with English names. A worker reads the rows one by one and stores the text in
parts, all in one transaction: so the file is of one moment, and a worker that dies leaves nothing.
"""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.http import HttpRequest
from django.utils.timezone import now
from django.utils.translation import override

from accounts.access import events
from accounts.domain.erasing import person_of
from accounts.models import Export, ExportPart, User
from brand.queries import operator
from moportal import personal
from moportal.money import Money
from moportal.personal import Amount, Person, Personal
from outbox.domain import Lease, RetryAfter, enqueue

log = structlog.get_logger(__name__)
KIND = "export"
# How long the file can be downloaded.
LIFETIME = timedelta(days=1)
# In characters.
PART = 200_000
ROWS_AT_A_TIME = 500


def request_file(request: HttpRequest, account: User) -> None:
    """Let a worker make the file. One that is being made stays; an earlier one is deleted."""
    with transaction.atomic():
        Export.objects.filter(account=account).exclude(ready_at=None).delete()
        wanted, is_new = Export.objects.get_or_create(account=account)
        if is_new:
            events.record(account, events.Kind.EXPORTED, request=request)
            enqueue(KIND, wanted.pk)
            log.info("export requested", account=account.pk)


def export_of(account: User) -> Export | None:
    """Return the file that is being made, or that can be downloaded."""
    found = Export.objects.filter(account=account).first()
    is_over = found is not None and found.expires_at is not None and found.expires_at <= now()
    return None if is_over else found


def texts_of(wanted: Export) -> Iterator[str]:
    """Yield the file. Each part is read when it is wanted."""
    for number in wanted.parts.values_list("number", flat=True):
        yield wanted.parts.get(number=number).text


def make(subject: str, _lease: Lease) -> RetryAfter | None:
    """Make the file; the outbox's handler for exports."""
    with transaction.atomic():
        # A second worker waits here, then finds the file.
        wanted = (
            Export.objects.select_for_update(of=("self",))
            .select_related("account")
            .filter(pk=subject, ready_at=None)
            .first()
        )
        if wanted is None:
            return None
        for number, text in enumerate(_in_parts(_lines(person_of(wanted.account)))):
            ExportPart.objects.create(export=wanted, number=number, text=text)
        at = now()
        Export.objects.filter(pk=wanted.pk).update(ready_at=at, expires_at=at + LIFETIME)
    return None


def _in_parts(lines: Iterator[str]) -> Iterator[str]:
    gathered: list[str] = []
    size = 0
    for line in lines:
        gathered.append(line)
        size += len(line)
        if size >= PART:
            yield "".join(gathered)
            gathered, size = [], 0
    yield "".join(gathered)


def _lines(person: Person) -> Iterator[str]:
    """Yield the file: one object with a list for each table, and one row a line."""
    about = {"from": operator().name, "made at": now(), "times are in": "UTC"}
    yield f'{{\n"about this file": {_json(about)}'
    for entry in personal.personal():
        if entry.section:
            yield f",\n{_json(entry.section)}: ["
            separator = "\n"
            for row in _rows(entry, person):
                yield f"{separator}{_json(row)}"
                separator = ",\n"
            yield "\n]"
    yield "\n}\n"


def _rows(entry: Personal, person: Person) -> Iterator[dict[str, Any]]:
    plain = {column: name for column, name in entry.exports.items() if isinstance(name, str)}
    amounts = {name: one for name, one in entry.exports.items() if isinstance(one, Amount)}
    parts = [part for one in amounts.values() for part in (one.minor_units, one.currency)]
    rows = entry.rows(person).order_by("pk").values(*plain, *parts)
    for row in rows.iterator(chunk_size=ROWS_AT_A_TIME):
        told = {name: row[column] for column, name in plain.items()}
        yield {**told, **{name: _amount(row, one) for name, one in amounts.items()}}


def _amount(row: dict[str, Any], one: Amount) -> str | None:
    minor_units, currency = row[one.minor_units], row[one.currency]
    if minor_units is None or not currency:
        return None
    return f"{Money(minor_units, currency).amount} {currency}"


def _json(value: object) -> str:
    with override("en"):
        return json.dumps(value, cls=_Encoder, ensure_ascii=False)


class _Encoder(json.JSONEncoder):
    """Writes times and days as ISO 8601 texts, and amounts with their currency."""

    def default(self, o: Any) -> str:
        if isinstance(o, Money):
            return f"{o.amount} {o.currency}"
        return o.isoformat() if isinstance(o, date) else str(o)
