"""The API speaks JSON alone."""

from collections.abc import Sequence

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class JsonAlways(BaseContentNegotiation):
    """Answer JSON whatever is asked for; a strict 406 comes with the full contract."""

    def select_parser(self, _request: Request, parsers: Sequence[object]) -> object:
        return parsers[0]

    def select_renderer(
        self,
        _request: Request,
        renderers: Sequence[BaseRenderer],
        _format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type or "application/json"
