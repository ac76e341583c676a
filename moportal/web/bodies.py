"""Request bodies that come without their length, because the client sends them in chunks.

Django takes a missing length for an empty body, and would read such a request as if
nothing came. nginx buffers a request and adds the length. This is for callers that reach
the server without nginx, as in the demo.
"""

from io import BytesIO
from typing import Any


def set_length(environ: dict[str, Any], *, longest: int) -> None:
    """Read a body without a length into memory, and set its length in `environ`.

    At most one byte more than `longest` is read. A body that is too long is not cut short:
    its length is above the limit, and the request is refused as too large.

    The server must end the input where the body ends (`wsgi.input_terminated`).
    """
    has_length = bool(environ.get("CONTENT_LENGTH"))
    is_chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
    if has_length or not is_chunked or not environ.get("wsgi.input_terminated"):
        return
    body = environ["wsgi.input"].read(longest + 1)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ["wsgi.input"] = BytesIO(body)
