"""The interface's own document, for the desk: as OpenAPI, and as a page to read."""

from typing import Any

from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer

YAML = "application/vnd.oai.openapi;version=3.1"


def openapi() -> str:
    """Return the OpenAPI document of everything under `/v1/`, in YAML."""
    written: bytes = OpenApiYamlRenderer().render(_schema(), renderer_context={})
    return written.decode()


def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return schema


@staff_member_required
def document(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(openapi(), content_type=YAML)


@staff_member_required
def page(request: HttpRequest) -> HttpResponse:
    """Show each operation with its parameters and answers, without a script of anyone's."""
    operations = [
        {"method": method.upper(), "path": path, **operation}
        for path, methods in _schema()["paths"].items()
        for method, operation in methods.items()
    ]
    shown = {"title": "Interfaces", "operations": operations}
    return render(request, "admin/balance_api/page.html", shown)
