"""Template filters that format quantities in the reader's language. Templates need no `load`."""

from collections.abc import Sequence

from babel.numbers import format_decimal, format_percent
from django import template
from django.utils.translation import gettext as _

from moportal.money import Money
from moportal.text import countries

register = template.Library()

GIGABYTE = 10**9
MEGABYTE = 10**6


@register.filter
def money(amount: Money) -> str:
    """Format money: `$19.00`, `19,00 €`."""
    return str(amount)


@register.filter
def data_size(size: int | None) -> str:
    """Format bytes as gigabytes or megabytes, rounded down to a tenth. None means unlimited.

    1 GB is 10^9 bytes (docs/contract.md#quantities-and-identity).
    """
    if size is None:
        return _("Unlimited")
    unit = GIGABYTE if size >= GIGABYTE else MEGABYTE
    tenths = size * 10 // unit
    value = format_decimal(tenths / 10, format="#,##0.#", locale=countries.reader_locale())
    text = _("%(size)s GB") if unit == GIGABYTE else _("%(size)s MB")
    return text % {"size": value}


@register.filter
def percent(basis_points: int) -> str:
    """Format basis points as a percentage in the reader's language: `9%`, `7,25 %`."""
    return format_percent(
        basis_points / 10_000, locale=countries.reader_locale(), decimal_quantization=False
    )


@register.filter
def country(code: str) -> str:
    """Return the country's name."""
    return countries.country_name(code)


@register.filter
def country_after_in(code: str) -> str:
    """Return the country's name as it follows "in": "the United States"."""
    return countries.country_after_in(code)


@register.filter
def country_list(codes: Sequence[str]) -> str:
    """Return the names of several countries as one phrase."""
    return countries.country_list(codes)
