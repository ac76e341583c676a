"""Quiet hours: what is not urgent is sent by day (QUIET_HOURS), where its reader is.

`messages.states.WAITS_FOR_DAY` says which occasions wait. A message names its reader's time zone,
or the market. In a market with several time zones it must be day in each of them. An unknown place
counts as the operator's own market.
"""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from brand.queries import operator
from messages.models import Message
from messages.states import WAITS_FOR_DAY
from moportal.environment import is_time_zone
from moportal.text.time_zones import zones_of_country


def time_until_day(message: Message, *, at: datetime) -> timedelta:
    """Return how long the message waits for the day. It is zero if nothing waits.

    What staff send again does not wait. A message that would lapse meanwhile is sent at once.
    """
    if message.occasion not in WAITS_FOR_DAY or message.resend_of_id is not None:
        return timedelta()
    if settings.QUIET_HOURS is None:
        return timedelta()
    day = next_day(at, _zones_at(message.place))
    would_lapse = message.lapses_at is not None and message.lapses_at <= day
    return timedelta() if would_lapse else day - at


def next_day(at: datetime, zones: Sequence[ZoneInfo]) -> datetime:
    """Return the first moment from `at` on at which it is day in all of the zones.

    If there is no such moment, the first zone counts alone.
    """
    moment = at
    # In each round at least one zone's night ends. A night that begins again means a new day.
    for _ in range(2 * len(zones) + 1):
        mornings = [morning for zone in zones if (morning := _morning(moment, zone))]
        if not mornings:
            return moment
        moment = max(mornings)
    return next_day(at, zones[:1])


def _morning(moment: datetime, zone: ZoneInfo) -> datetime | None:
    """Return when the night of this moment ends in the zone, or None if it is day there."""
    assert settings.QUIET_HOURS is not None  # noqa: S101 -- otherwise nothing waits
    evening, morning = settings.QUIET_HOURS
    there = moment.astimezone(zone)
    is_late, is_early = there.hour >= evening, there.hour < morning
    spans_midnight = evening > morning
    is_night = is_late or is_early if spans_midnight else is_late and is_early
    if not is_night:
        return None
    date = there.date() + timedelta(days=1 if spans_midnight and is_late else 0)
    return datetime.combine(date, time(morning), tzinfo=zone).astimezone(moment.tzinfo)


def _zones_at(place: str) -> Sequence[ZoneInfo]:
    """Return the time zones of a place: a time zone itself, or a market."""
    is_zone = "/" in place and is_time_zone(place)
    names = (place,) if is_zone else zones_of_country(place)
    names = names or zones_of_country(operator().default_market) or (settings.BILLING_ZONE,)
    return [ZoneInfo(name) for name in names]
