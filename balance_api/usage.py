"""Usage from the charging system: `POST /v1/usage` (docs/usage.md)."""

from dataclasses import asdict
from typing import Any, cast

from django.conf import settings
from django.utils.timezone import now
from rest_framework.exceptions import APIException, ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from balance_api.authentication import BearerToken, Caller
from balance_api.json_view import JsonView
from balance_api.schema import usage_schema
from moportal.problems import BadParameter
from subscriptions.domain.usage import Refusal, Tally, record

# Bytes of a record as JSON, generously; a longer body is not read.
LONGEST_RECORD = 1000


class TooMany(APIException):
    """More than one batch may hold."""

    status_code = 413
    default_code = "content_too_large"

    def __init__(self) -> None:
        super().__init__(f"A batch has at most {settings.USAGE_BATCH} records.")


class UsageView(JsonView):
    """Takes usage records in batches; safe to send again."""

    authentication_classes = [BearerToken]
    http_method_names = ["post"]

    @usage_schema
    def post(self, request: Request) -> Response:
        """Count each record once and say what came of it."""
        source = cast("Caller", request.user).name
        return Response(_answer(record(source, _records(request), now())))


def _records(request: Request) -> list[Any]:
    """Read the document around the records; each of these is read for itself."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > LONGEST_RECORD * settings.USAGE_BATCH:
        raise TooMany
    try:
        document = request.data
    except RecursionError as error:
        raise ParseError("The body is nested too deeply.") from error
    found = document.get("records") if isinstance(document, dict) else None
    if not isinstance(found, list):
        raise BadParameter("records", 'The body is a JSON object: {"records": […]}.')
    if len(found) > settings.USAGE_BATCH:
        raise TooMany
    return found


def _answer(tally: Tally) -> dict[str, Any]:
    return {
        "taken": tally.taken,
        "repeated": tally.repeated,
        "onNoLine": tally.on_no_line,
        "refused": [_refused(refusal) for refusal in tally.refused],
    }


def _refused(refusal: Refusal) -> dict[str, Any]:
    place = f"records[{refusal.index}]"
    named = f"{place}.{refusal.parameter}" if refusal.parameter else place
    return {**asdict(refusal), "parameter": named}
