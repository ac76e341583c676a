"""The OpenAPI document of `/v1/`, and the two pages that show it to staff.

`make tables` writes it into docs/openapi.yaml.
"""

from collections.abc import Mapping
from typing import Any

from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.renderers import OpenApiYamlRenderer
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from balance_api.serializers import (
    LONGEST_TRANSACTION_ID,
    BalanceQuerySerializer,
    BalancesSerializer,
    ProblemSerializer,
    TallySerializer,
    UsageSerializer,
)
from moportal.web.problems import TRANSACTION_HEADER

YAML = "application/vnd.oai.openapi;version=3.1"
# Their answers have no other fields than the document names.
COMPLETE = ("Balance", "Balances", "Tally")
BALANCE_REFUSALS = {
    400: "A parameter or header is invalid. `parameter` names it.",
    401: "The client certificate is missing, expired or not valid yet, or the password is missing"
    " or wrong.",
    403: "The client certificate is not trusted.",
    404: "No SIM with this ICCID is known.",
    405: "Only GET and HEAD are allowed.",
    406: "Only application/json is available.",
    409: "This transaction ID has already been used.",
    414: "The request address is longer than 4 kilobytes. The proxy sends this response,"
    " without a transaction ID.",
    429: "The caller has exceeded its request limit.",
    431: "A header is longer than 4 kilobytes, or all headers together are longer than 16"
    " kilobytes. The proxy sends this response, without a transaction ID.",
    500: "An unexpected error occurred. If you report it, include the `reference`.",
    503: "The portal or its database is temporarily unavailable, or the operator has not said for"
    " too long what is left on the SIM's line.",
}
USAGE_REFUSALS = {
    400: "The request body is not a valid batch of usage records.",
    401: "The bearer token is missing or wrong.",
    405: "Only POST is allowed.",
    406: BALANCE_REFUSALS[406],
    413: "The batch has too many records.",
    500: BALANCE_REFUSALS[500],
    503: "The portal or its database is temporarily unavailable.",
}


def openapi() -> str:
    """Return the OpenAPI document in YAML."""
    document: bytes = OpenApiYamlRenderer().render(_document(), renderer_context={})
    return document.decode()


def _document() -> dict[str, Any]:
    # The desk shows the document, but does not serve these routes itself.
    generator = SchemaGenerator(urlconf="balance_api.urls")
    document: dict[str, Any] = generator.get_schema(request=None, public=True)
    return document


@staff_member_required
def openapi_file(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(openapi(), content_type=YAML)


@staff_member_required
def interfaces_page(request: HttpRequest) -> HttpResponse:
    """Show each operation with its parameters and answers. The page needs no script."""
    operations = [
        {"method": method.upper(), "path": path, **operation}
        for path, methods in _document()["paths"].items()
        for method, operation in methods.items()
    ]
    context = {"title": "Interfaces", "operations": operations}
    return render(request, "admin/balance_api/page.html", context)


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


def forbid_other_fields(result: dict[str, Any], **_of_generator: object) -> dict[str, Any]:
    """Say of complete answers that they have no other fields; drf-spectacular has no option."""
    schemas = result["components"].get("schemas")
    # `check --deploy` also describes the faces without the API.
    if schemas is None:
        return result
    for name in COMPLETE:
        schemas[name]["additionalProperties"] = False
    schemas["Balances"]["properties"]["balances"]["minItems"] = 1
    return result


def _responses(
    serializer: type[Any], description: str, refusals: Mapping[int, str]
) -> dict[Any, Any]:
    """Return the successful response, and a problem document for each refusal."""
    problems = {
        (status, "application/problem+json"): OpenApiResponse(ProblemSerializer, text)
        for status, text in refusals.items()
    }
    return {(200, "application/json"): OpenApiResponse(serializer, description), **problems}


balances_schema = extend_schema(
    operation_id="balances",
    summary="Get the balances of a SIM",
    description="Balances are sorted in the order in which they are used. `limit` applies after"
    " sorting.",
    tags=["Get Balance"],
    parameters=[
        OpenApiParameter(
            "sim",
            OpenApiTypes.STR,
            OpenApiParameter.PATH,
            description="An ICCID, with or without the prefix `iccid:`. A trailing F is ignored.",
        ),
        BalanceQuerySerializer,
        OpenApiParameter(
            TRANSACTION_HEADER,
            {"type": "string", "pattern": f"^[ -~]{{1,{LONGEST_TRANSACTION_ID}}}$"},
            OpenApiParameter.HEADER,
            description="An ID for this request, returned unchanged in every response. Use each ID"
            " only once.",
        ),
        OpenApiParameter(
            TRANSACTION_HEADER,
            OpenApiTypes.STR,
            OpenApiParameter.HEADER,
            response=[200, *BALANCE_REFUSALS],
            description="The transaction ID of the request, unchanged.",
        ),
        OpenApiParameter(
            "Retry-After",
            {"type": "integer", "minimum": 1},
            OpenApiParameter.HEADER,
            response=[429, 503],
            required=True,
            description="Seconds to wait before the next request.",
        ),
    ],
    responses=_responses(BalancesSerializer, "The SIM's balances.", BALANCE_REFUSALS),
)

usage_schema = extend_schema(
    operation_id="usage",
    tags=["Usage"],
    summary="Send usage records",
    description="The used data is subtracted from the balances. A record that is sent again is not"
    " counted again.",
    request={"application/json": UsageSerializer},
    responses=_responses(TallySerializer, "The result for the batch.", USAGE_REFUSALS),
)
