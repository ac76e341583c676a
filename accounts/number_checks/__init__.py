"""Checks of phone numbers behind one protocol; NUMBER_CHECKS names the adapter in use."""

from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from accounts.number_checks.base import NumberChecks


def number_checks() -> NumberChecks | None:
    """Return the adapter of this installation, or None if numbers are not checked."""
    return _made(settings.NUMBER_CHECKS) if settings.NUMBER_CHECKS else None


@cache
def _made(path: str) -> NumberChecks:
    chosen: type[NumberChecks] = import_string(path)
    return chosen()
