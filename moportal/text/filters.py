"""Template filters that format quantities in the reader's language. Templates need no `load`."""

from collections.abc import Sequence

from babel.numbers import format_decimal, format_percent
from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
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
    text, figure = _in_unit(size)
    return text % {"size": figure}


@register.filter
def data_figure(size: int | None) -> SafeString:
    """Format bytes as `data_size` does, with the figure in `<b>`. So a page can let it lead."""
    if size is None:
        return format_html("<b>{}</b>", _("Unlimited"))
    text, figure = _in_unit(size)
    before, after = text.split("%(size)s")
    return format_html("{}<b>{}</b>{}", before, figure, after)


def _in_unit(size: int) -> tuple[str, str]:
    """Return the unit as a text with a place for the figure, and the figure."""
    unit = GIGABYTE if size >= GIGABYTE else MEGABYTE
    tenths = size * 10 // unit
    figure = format_decimal(tenths / 10, format="#,##0.#", locale=countries.reader_locale())
    return _("%(size)s GB") if unit == GIGABYTE else _("%(size)s MB"), figure


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
