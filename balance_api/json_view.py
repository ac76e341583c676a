"""The base of the API's views: they answer JSON only, and check in the contract's order."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

ACCEPTED = frozenset({"", "*/*", "application/*", "application/json"})
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def json_response(data: Any) -> HttpResponse:
    return HttpResponse(_encode(data).encode(), content_type=CompactJson.media_type)


class CompactJson(BaseRenderer):
    """JSON without spaces. The data must be plain values."""

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
    """Selects the view's one renderer; raises `NotAcceptable` if the caller accepts no JSON."""

    def select_parser(self, _request: Request, parsers: Iterable[BaseParser]) -> BaseParser:
        return next(iter(parsers))

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        _format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        accepted = request.META.get("HTTP_ACCEPT", "")
        # DRF parses the header at each request; these few values need no parsing.
        if accepted not in ACCEPTED and not any(map(_accepts_json, accepted.split(","))):
            raise NotAcceptable("Only application/json is available.")
        renderer = next(iter(renderers))
        return renderer, str(renderer.media_type)


def _accepts_json(element: str) -> bool:
    media_type, *parameters = (part.strip().lower() for part in element.split(";"))
    return media_type in ACCEPTED and not any(map(_is_zero_quality, parameters))


def _is_zero_quality(parameter: str) -> bool:
    """Return whether it is `q=0`, `q=0.000` or the like: not acceptable (RFC 9110, 12.4.2)."""
    name, _equals, value = parameter.partition("=")
    return name.strip() == "q" and value.strip().strip("0.") == ""


class JsonView(APIView):
    """Checks the method (405), then the caller (401 and 403), then `Accept` (406).

    docs/contract.md#get-balance requires this order. DRF itself would begin with 406.
    """

    content_negotiation_class = JsonOnly
    renderer_classes = [CompactJson]
    format_kwarg = None
    # DRF adds Allow to every answer. Only a 405 needs it (RFC 9110, 15.5.6).
    default_response_headers: ClassVar[dict[str, str]] = {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if str(request.method).lower() not in self.http_method_names:
            self.headers = {"Allow": ", ".join(self.allowed_methods)}
            self.http_method_not_allowed(request)
        self.perform_authentication(request)
        renderer = self.perform_content_negotiation(request)
        request.accepted_renderer, request.accepted_media_type = renderer
