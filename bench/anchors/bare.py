"""The bare anchor: a WSGI function, psycopg, and one statement prepared on the server."""

import json
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

import psycopg

from bench.anchors import shared

STATEMENT = shared.STATEMENT.format(
    "%(caller)s", "%(transaction)s", "%(iccid)s", "%(now)s::timestamptz"
)
STATUS_LINES = {int(one): f"{one.value} {one.phrase}" for one in HTTPStatus}
_of_thread = threading.local()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer Get Balance."""
    status, found = _answer(environ)
    is_found = status == HTTPStatus.OK
    content = {"balances": found} if is_found else {"status": status, "title": STATUS_LINES[status]}
    body = json.dumps(content, separators=(",", ":")).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    transaction = environ.get("HTTP_X_MS_DM_TRANSACTIONID")
    if transaction is not None:
        headers.append(("X-MS-DM-TransactionId", transaction))
    start_response(STATUS_LINES[status], headers)
    return [body]


def _answer(environ: dict[str, Any]) -> tuple[int, list[dict[str, Any]]]:
    refused = shared.refusal(
        environ.get("HTTP_X_PROXY_SECRET", ""), environ.get("HTTP_X_CLIENT_CERTIFICATE", "")
    )
    if refused:
        return refused, []

    parameters = parse_qs(environ["QUERY_STRING"])
    try:
        limit = shared.parse_limit(parameters.get("limit", [""])[0])
    except ValueError:
        return 400, []
    if parameters.get("fieldsTemplate", ["basic"])[0].lower() != "basic":
        return 400, []

    now = datetime.now(UTC)
    values = {
        "caller": "bare",
        "transaction": environ.get("HTTP_X_MS_DM_TRANSACTIONID", ""),
        "iccid": environ["PATH_INFO"].split("/")[3],
        "now": now,
    }
    with _connection().cursor(binary=True) as cursor:
        rows = cursor.execute(STATEMENT, values, prepare=True).fetchall()
    return shared.make_balances(rows, limit, now)


def _connection() -> psycopg.Connection[Any]:
    """Return this thread's connection."""
    if not hasattr(_of_thread, "connection"):
        _of_thread.connection = psycopg.connect(**shared.connect_arguments(), autocommit=True)
    connection: psycopg.Connection[Any] = _of_thread.connection
    return connection
