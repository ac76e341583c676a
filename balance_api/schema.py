"""What an OpenAPI document tells of `/v1/`; `make tables` writes docs/openapi.yaml by it."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from balance_api.parameters import LARGEST_INT, LONGEST_TRANSACTION_ID
from moportal.problems import TRANSACTION_HEADER
from subscriptions.balances import BalanceType

PROBLEM_TYPE = "application/problem+json"
PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "parameter": {"type": "string", "description": "With 400: which one cannot be read."},
        "reference": {"type": "string", "description": "With 500: by which the log tells more."},
    },
}
BALANCE: dict[str, Any] = {
    "type": "object",
    "required": ["id", "type", settings.BALANCE_DATA_KEY, "timeRemaining"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string"},
        "type": {"type": "string", "enum": [kind.value for kind in BalanceType]},
        settings.BALANCE_DATA_KEY: {
            "type": "number",
            "minimum": 0,
            "description": "MB of 10^6 bytes, rounded down to 0.01, but 0.01 while a byte is left.",
        },
        "timeRemaining": {
            "type": "string",
            "pattern": r"^P(?=.)(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+S)?)?$",
            "description": "ISO 8601 in whole seconds; none is PT0S.",
        },
        "locations": {
            "type": "array",
            "items": {"type": "string", "pattern": "^[A-Z]{2}$"},
            "description": "With fieldsTemplate=full: ISO 3166-1 alpha-2.",
        },
    },
}
BALANCES: dict[str, Any] = {
    "type": "object",
    "required": ["balances"],
    "additionalProperties": False,
    "properties": {
        "balances": {
            "type": "array",
            "minItems": 1,
            "items": {"$ref": "#/components/schemas/Balance"},
        }
    },
}
USAGE: dict[str, Any] = {
    "type": "object",
    "required": ["records"],
    "properties": {
        "records": {
            "type": "array",
            "items": {"$ref": "#/components/schemas/UsageRecord"},
            "description": "What cannot be read of them is refused alone.",
        }
    },
}
USAGE_RECORD: dict[str, Any] = {
    "type": "object",
    "required": ["id", "iccid", "usedAt", "bytes", "country"],
    "properties": {
        "id": {"type": "string", "minLength": 1, "maxLength": 100},
        "iccid": {"type": "string"},
        "usedAt": {"type": "string", "format": "date-time"},
        "bytes": {"type": "integer", "minimum": 0, "maximum": 10**15},
        "country": {"type": "string", "description": "ISO 3166-1 alpha-2."},
    },
}
TALLY: dict[str, Any] = {
    "type": "object",
    "required": ["taken", "repeated", "onNoLine", "refused"],
    "additionalProperties": False,
    "properties": {
        "taken": {"type": "integer", "minimum": 0},
        "repeated": {"type": "integer", "minimum": 0},
        "onNoLine": {
            "type": "array",
            "items": {"type": "integer", "minimum": 0},
            "description": "Which of them, from 0, are of a SIM that was on no line then.",
        },
        "refused": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["index", "parameter", "detail"],
                "properties": {
                    "index": {"type": "integer", "minimum": 0},
                    "parameter": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
PROBLEM_REFERENCE: dict[str, Any] = {"$ref": "#/components/schemas/Problem"}
BALANCE_REFUSALS = {
    400: "A parameter or header cannot be read; `parameter` names it.",
    401: "No client certificate, one that is out of date, or a missing or wrong password.",
    403: "A certificate that is not trusted.",
    404: "The operator knows no SIM of this ICCID.",
    405: "It is for reading alone.",
    406: "Nothing but JSON is to be had.",
    409: "The transaction id was answered before.",
    414: "An address of more than 4 kilobytes; the proxy says so, and echoes nothing.",
    429: "Over the limit of this caller; Retry-After says how many seconds to wait.",
    431: "Headers of more than 16 kilobytes; the proxy says so, and echoes nothing.",
    500: "Something failed; `reference` finds it in the log.",
    503: "The store or the portal is away; Retry-After says how many seconds to wait.",
}
USAGE_REFUSALS = {
    400: "The body is no batch of records.",
    401: "No token, or one that is not known.",
    405: "It is for sending alone.",
    406: BALANCE_REFUSALS[406],
    413: "More records than a batch may have.",
    500: BALANCE_REFUSALS[500],
    503: BALANCE_REFUSALS[503],
}


class ClientCertificateScheme(OpenApiAuthenticationExtension):
    """The certificate alone, or with a password where the operator has set one."""

    target_class = "balance_api.authentication.ClientCertificate"
    name = ["clientCertificate", "password"]

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, str]]:
        return [{"type": "mutualTLS"}, {"type": "http", "scheme": "basic"}]

    def get_security_requirement(self, auto_schema: AutoSchema) -> list[dict[str, list[str]]]:
        return [{"clientCertificate": []}, {"clientCertificate": [], "password": []}]


class BearerTokenScheme(OpenApiAuthenticationExtension):
    target_class = "balance_api.authentication.BearerToken"
    name = "bearer"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


def add_components(result: dict[str, Any], **_of_generator: object) -> dict[str, Any]:
    """Add the shapes that several answers point to."""
    shapes = {"Balance": BALANCE, "Problem": PROBLEM, "UsageRecord": USAGE_RECORD}
    result["components"]["schemas"] = shapes
    return result


def _answers(shape: dict[str, Any], says: str, refusals: Mapping[int, str]) -> dict[Any, Any]:
    """Return the answer that is asked for, and a problem for each refusal."""
    problems = {
        (status, PROBLEM_TYPE): OpenApiResponse(PROBLEM_REFERENCE, description)
        for status, description in refusals.items()
    }
    return {(200, "application/json"): OpenApiResponse(shape, says), **problems}


balances_schema = extend_schema(
    operation_id="balances",
    summary="What is left on a SIM",
    description="The entries in the order in which they are used, cut to `limit` afterwards.",
    tags=["Get Balance"],
    parameters=[
        OpenApiParameter(
            "sim",
            OpenApiTypes.STR,
            OpenApiParameter.PATH,
            description="An ICCID, bare or after `iccid:`; a trailing F says nothing.",
        ),
        OpenApiParameter(
            "fieldsTemplate",
            {"type": "string", "pattern": "^([bB][aA][sS][iI][cC]|[fF][uU][lL][lL])?$"},
            description="`basic` (default) or `full`, in any case; also `fieldTemplate`.",
        ),
        OpenApiParameter(
            "limit",
            {"type": "integer", "minimum": 1, "maximum": LARGEST_INT},
            description="How many entries at most; all where it is missing or empty.",
        ),
        OpenApiParameter(
            "location",
            {"type": "string"},
            description="ISO 3166-1 alpha-2 in any case; UK is GB; everywhere where it is missing"
            " or empty.",
        ),
        OpenApiParameter(
            TRANSACTION_HEADER,
            {"type": "string", "maxLength": LONGEST_TRANSACTION_ID},
            OpenApiParameter.HEADER,
            description="Given back on every answer, and refused when it comes again.",
        ),
        OpenApiParameter(
            TRANSACTION_HEADER,
            OpenApiTypes.STR,
            OpenApiParameter.HEADER,
            response=[200, *BALANCE_REFUSALS],
            description="As it was sent, where one was.",
        ),
        OpenApiParameter(
            "Retry-After",
            {"type": "integer", "minimum": 1},
            OpenApiParameter.HEADER,
            response=[429, 503],
            required=True,
            description="Whole seconds.",
        ),
    ],
    responses=_answers(BALANCES, "What is left.", BALANCE_REFUSALS),
)

usage_schema = extend_schema(
    operation_id="usage",
    tags=["Usage"],
    summary="Take what was used from the balances",
    description="Each record counts once, however often it is sent (docs/usage.md).",
    request={"application/json": USAGE},
    responses=_answers(TALLY, "What came of each record.", USAGE_REFUSALS),
)
