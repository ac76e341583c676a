"""No endpoint: what HTTP alone costs in granian, to be taken off the others."""

from collections.abc import Callable, Iterable
from typing import Any

BODY = b'{"balances":[]}'


def application(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(BODY)))]
    start_response("200 OK", headers)
    return [BODY]
