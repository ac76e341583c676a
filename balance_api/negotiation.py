"""The API speaks JSON alone, and says 406 to whoever will not have it (contract, section 5)."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.http import HttpResponse
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

ACCEPTED = frozenset({"", "*/*", "application/*", "application/json"})
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def json_answer(data: Any) -> HttpResponse:
    """Answer at once what needs no renderer to be chosen for it."""
    return HttpResponse(_encode(data).encode(), content_type=CompactJson.media_type)


class CompactJson(BaseRenderer):
    """JSON without a blank; what is answered here holds plain values only."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        return _encode(data).encode()


class JsonOnly(BaseContentNegotiation):
    """Takes the one renderer there is, if the caller accepts it; raises `NotAcceptable`."""

    def select_parser(self, _request: Request, parsers: Iterable[BaseParser]) -> BaseParser:
        return next(iter(parsers))

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        _format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        accepted = request.META.get("HTTP_ACCEPT", "")
        if accepted not in ACCEPTED and not any(_takes_json(one) for one in accepted.split(",")):
            raise NotAcceptable("What is here comes as application/json alone.")
        renderer = next(iter(renderers))
        return renderer, str(renderer.media_type)


def _takes_json(accepted: str) -> bool:
    media_type, *parameters = (part.strip().lower() for part in accepted.split(";"))
    return media_type in ACCEPTED and not any(_is_refusal(one) for one in parameters)


def _is_refusal(parameter: str) -> bool:
    """Say whether it is a quality of nothing: `q=0`, `q=0.000` (RFC 9110, 12.4.2)."""
    name, _equals, value = parameter.partition("=")
    return name.strip() == "q" and value.strip().strip("0.") == ""
