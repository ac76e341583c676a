"""One-time codes of the operator behind one protocol; CODE_SERVICE names the adapter in use."""

from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from accounts.code_services.base import CodeService


def code_service() -> CodeService | None:
    """Return the adapter of this installation, or None if the portal makes the codes itself."""
    return _made(settings.CODE_SERVICE) if settings.CODE_SERVICE else None


@cache
def _made(path: str) -> CodeService:
    chosen: type[CodeService] = import_string(path)
    return chosen()
