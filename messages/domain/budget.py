"""Limits on messages, because fraudsters may earn money with each SMS that the portal sends.

A limit counts in a row of its own, by one statement, so concurrent workers cannot exceed it. A
message counts once, when its sending begins: its retries are free.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import phonenumbers
from django.conf import settings
from django.utils.timezone import now
from phonenumbers import PhoneNumberType

from brand.queries import operator
from messages.models import SentCount
from messages.states import Channel
from moportal.database.statements import execute_returning
from moportal.sealed import digest

# A call or an SMS to such a number costs more than usual, and its owner earns by it.
COSTLY = frozenset(
    {PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST, PhoneNumberType.PAGER}
)
TABLE = SentCount._meta.db_table
COUNT = f"""INSERT INTO {TABLE} (name, subject, ends_at, used) VALUES (%s, %s, %s, 1)
    ON CONFLICT (name, subject, ends_at) DO UPDATE SET used = {TABLE}.used + 1
        WHERE {TABLE}.used < %s
    RETURNING used"""  # noqa: S608 -- the name of a table of the product


class NotAllowed(Exception):
    """A limit, or a country that is not allowed, forbids the message. The text says which."""


@dataclass(frozen=True)
class Limit:
    """At most `most` messages an hour to one subject; 0: no limit."""

    name: str
    subject: str
    most: int


def check_address(channel: Channel, address: str) -> None:
    """Raise `NotAllowed` for a number that gets no SMS.

    Only the countries that the operator allows get SMS. A number whose country is unknown is
    refused too.
    """
    if channel != Channel.SMS:
        return
    country = _country(address)
    if country not in operator().countries_for_sms:
        raise NotAllowed(f"SMS to numbers of {country or 'this country'} are not allowed.")
    if phonenumbers.number_type(phonenumbers.parse(address)) in COSTLY:
        raise NotAllowed("SMS to premium-rate numbers are not allowed.")


def check_limits(channel: Channel, address: str) -> None:
    """Raise `NotAllowed` if a limit is used up. This counts nothing."""
    for limit in _limits(channel, address):
        used = SentCount.objects.filter(
            name=limit.name, subject=limit.subject, ends_at=_end_of_hour()
        )
        if limit.most and any(count.used >= limit.most for count in used):
            raise NotAllowed(_reason(limit))


def count(channel: Channel, address: str) -> None:
    """Count one message to this address against its limits, or raise `NotAllowed`.

    Call it in a transaction: what was counted before the refusal is rolled back.
    """
    for limit in _limits(channel, address):
        values = (limit.name, limit.subject, _end_of_hour(), limit.most)
        if limit.most and not execute_returning(COUNT, *values):
            raise NotAllowed(_reason(limit))


def _limits(channel: Channel, address: str) -> list[Limit]:
    """Return the limits in the order in which they are counted, so that no two deadlock."""
    subject = digest(address)
    if channel == Channel.MAIL:
        return [Limit("mail address", subject, settings.MAILS_PER_HOUR)]
    return [
        Limit("phone number", subject, settings.SMS_PER_HOUR),
        Limit("country", _country(address), settings.SMS_PER_COUNTRY_HOUR),
    ]


def _country(number: str) -> str:
    """Return the country of a phone number, or nothing if it has none."""
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(number)) or ""
    except phonenumbers.NumberParseException:
        return ""


def _end_of_hour() -> datetime:
    return now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


def _reason(limit: Limit) -> str:
    return f"The limit of {limit.most} messages an hour to this {limit.name} is reached."
