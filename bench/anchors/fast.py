"""The FastAPI anchor: an asynchronous framework, asyncpg's pool and one prepared statement."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any

import asyncpg
from fastapi import FastAPI, Header, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from bench.anchors import shared

STATEMENT = shared.STATEMENT.format("$1", "$2", "$3", "$4::timestamptz")


@asynccontextmanager
async def _pool(app: FastAPI) -> AsyncIterator[None]:
    address = shared.connect_arguments()
    address["database"] = address.pop("dbname")
    async with asyncpg.create_pool(**address, min_size=1, max_size=4) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=_pool, openapi_url=None)


@app.exception_handler(RequestValidationError)
async def _bad_parameter(_request: Request, _error: RequestValidationError) -> JSONResponse:
    return JSONResponse({"status": 400}, 400)


@app.get("/v1/sims/{iccid}/balances")
async def balances(
    iccid: str,
    *,
    x_proxy_secret: Annotated[str, Header()] = "",
    x_client_certificate: Annotated[str, Header()] = "",
    x_ms_dm_transactionid: Annotated[str, Header()] = "",
    template: Annotated[str, Query(alias="fieldsTemplate", pattern="^(?i:basic|)$")] = "",
    limit: Annotated[int, Query(ge=1, le=shared.LARGEST)] = shared.LARGEST,
) -> JSONResponse:
    """Answer Get Balance."""
    headers = {"X-MS-DM-TransactionId": x_ms_dm_transactionid}
    refused = shared.refusal(x_proxy_secret, x_client_certificate)
    if refused:
        return JSONResponse({"status": refused}, refused, headers)
    now = datetime.now(UTC)
    pool: asyncpg.Pool[Any] = app.state.pool
    rows = await pool.fetch(STATEMENT, "fast", x_ms_dm_transactionid, iccid, now)
    status, found = shared.make_balances(rows, limit, now)
    content: dict[str, Any] = {"balances": found} if status == HTTPStatus.OK else {"status": status}
    return JSONResponse(content, status, headers)
