"""Errors in the shape of Stripe's."""

from http import HTTPStatus
from typing import Any


class ApiError(Exception):
    """A request that is refused and changes nothing."""

    def __init__(
        self,
        message: str,
        *,
        status: int = HTTPStatus.BAD_REQUEST,
        kind: str = "invalid_request_error",
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"type": kind, "message": message, **more}}


def missing(identifier: str, *, param: str = "id", status: int = HTTPStatus.NOT_FOUND) -> ApiError:
    """Return the error about an object that is not there."""
    return ApiError(
        f"No such object: {identifier!r}", status=status, code="resource_missing", param=param
    )
