"""Template filters that put quantities into the reader's own words; built into every template."""

from collections.abc import Sequence

from babel.numbers import format_decimal
from babel.units import format_unit
from django import template
from django.utils.translation import gettext as _

from moportal import countries
from moportal.money import Money

register = template.Library()

GIGABYTE = 10**9
MEGABYTE = 10**6


@register.filter
def money(amount: Money) -> str:
    """Print money as the reader's language does: `$19.00`, `19,00 €`."""
    return str(amount)


@register.filter
def data_size(size: int | None) -> str:
    """Print bytes as gigabytes or megabytes (1 GB is 10^9 bytes); None is an unlimited plan."""
    if size is None:
        return _("Unlimited")
    unit, name = (GIGABYTE, "gigabyte") if size >= GIGABYTE else (MEGABYTE, "megabyte")
    value = size * 10 // unit / 10
    return format_unit(
        value, f"digital-{name}", length="short", format="#,##0.#", locale=countries.reader_locale()
    )


@register.filter
def number(value: float) -> str:
    """Print a number with the language's own separators."""
    return format_decimal(value, locale=countries.reader_locale())


@register.filter
def country(code: str) -> str:
    """Name a country."""
    return countries.country_name(code)


@register.filter
def country_list(codes: Sequence[str]) -> str:
    """Name several countries in one phrase."""
    return countries.country_list(codes)


@register.filter
def tail(identifier: str) -> str:
    """Show the last four characters of an identifier."""
    return identifier[-4:]
