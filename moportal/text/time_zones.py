"""Time zones by country, and their names in the reader's language (Unicode's tables in Babel)."""

from functools import cache

from babel import Locale
from babel.core import get_global
from babel.dates import get_timezone_location

from moportal.environment import is_time_zone
from moportal.text.countries import reader_locale


@cache
def zones_of_country(code: str) -> tuple[str, ...]:
    """Return the country's time zones that this machine knows, or nothing for an unknown one."""
    listed = get_global("territory_zones").get(code, [])
    return tuple(name for name in listed if "/" in name and is_time_zone(name))


@cache
def all_zones() -> tuple[str, ...]:
    """Return the time zones of all countries, in the order of their names."""
    codes = get_global("territory_zones")
    return tuple(sorted({name for code in codes for name in zones_of_country(code)}))


def zone_name(name: str) -> str:
    """Return where a time zone holds, in the active language, such as "Germany (Busingen)"."""
    return _zone_name(name, reader_locale())


def zone_choices() -> list[tuple[str, str]]:
    """Return each time zone and its name, in the order of the names."""
    named = [(name, zone_name(name)) for name in all_zones()]
    return sorted(named, key=lambda zone: zone[1])


@cache
def _zone_name(name: str, locale: Locale) -> str:
    found: str = get_timezone_location(name, locale=locale)
    return found
