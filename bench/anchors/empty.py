"""No endpoint: the cost of HTTP in granian, to be subtracted from the others."""

from collections.abc import Callable, Iterable
from typing import Any

BODY = b'{"balances":[]}'


def application(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(BODY)))]
    start_response("200 OK", headers)
    return [BODY]
