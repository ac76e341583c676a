"""Usage from a charging system: `POST /v1/usage` (docs/usage.md)."""

from typing import Any, cast

from django.conf import settings
from django.utils.timezone import now
from rest_framework.exceptions import APIException, ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from balance_api.authentication import BearerToken, Caller
from balance_api.json_view import JsonView
from balance_api.schema import usage_schema
from balance_api.serializers import TallySerializer
from moportal.web.problems import BadParameter
from subscriptions.domain.usage import store_records

# Bytes of one record as JSON, with room to spare. A body longer than
# its batch can be is not read.
LONGEST_RECORD = 1000


class BatchTooLong(APIException):
    """The batch has more records than `USAGE_BATCH`."""

    status_code = 413
    default_code = "content_too_large"

    def __init__(self) -> None:
        super().__init__(f"A batch may have at most {settings.USAGE_BATCH} records.")


class UsageView(JsonView):
    """Takes usage records in batches. A batch may be sent again: each record counts once."""

    authentication_classes = [BearerToken]
    http_method_names = ["post"]

    @usage_schema
    def post(self, request: Request) -> Response:
        """Store the records, and answer which were taken, repeated or refused."""
        source = cast("Caller", request.user).name
        tally = store_records(source, _parse_records(request), now())
        return Response(TallySerializer(tally).data)


def _parse_records(request: Request) -> list[Any]:
    """Return the batch's records, which `subscriptions.records` parses one by one.

    Raises `BatchTooLong`, `ParseError` and `BadParameter`.
    """
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > LONGEST_RECORD * settings.USAGE_BATCH:
        raise BatchTooLong
    try:
        document = request.data
    except RecursionError as error:
        raise ParseError("The body is nested too deeply.") from error
    records = document.get("records") if isinstance(document, dict) else None
    if not isinstance(records, list):
        raise BadParameter("records", 'The body must be a JSON object: {"records": […]}.')
    if len(records) > settings.USAGE_BATCH:
        raise BatchTooLong
    return records
