"""What the API takes and answers. The OpenAPI document is made from these serializers.

They declare their fields in `get_fields`, because the fields' names are not Python's style.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, cached_property, lru_cache
from operator import attrgetter
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from moportal.identifiers import Country, Iccid, InvalidIdentifier
from moportal.web.problems import PRINTABLE, TRANSACTION_HEADER, TRANSACTION_KEY, BadParameter
from subscriptions.balances import Balance, BalanceType
from subscriptions.domain.usage import Refusal, Tally
from subscriptions.records import LONGEST_ID, MOST_BYTES

BYTES_PER_HUNDREDTH_MB = 10_000
LARGEST_INT = 2_147_483_647
LONGEST_TRANSACTION_ID = 128
BALANCE_TYPES = {
    BalanceType.WITHOUT_COUNT.value: "A plan whose data is not counted. The data left is 0.",
    BalanceType.METERED.value: "A metered plan.",
    BalanceType.NONE.value: "No balance at this location.",
    BalanceType.NOT_SUPPORTED.value: "The SIM is excluded from the programme.",
}
_ICCID_PREFIX = re.compile(r"^iccid:\s*", re.IGNORECASE)
Fields = dict[str, serializers.Field[Any, Any, Any, Any]]
Field = serializers.Field[Any, Any, Any, Any]


@dataclass(frozen=True, slots=True)
class BalanceQuery:
    """The query of a Get Balance request. Without a limit or location: all, everywhere."""

    is_full: bool
    limit: int | None
    location: Country | None


@extend_schema_field({"type": "string", "pattern": "^([bB][aA][sS][iI][cC]|[fF][uU][lL][lL])?$"})
class TemplateField(Field):
    """`basic` or `full` in any case. The value is True for `full`."""

    default_error_messages = {"invalid": "{name} must be 'basic' or 'full'. Empty means 'basic'."}

    def to_internal_value(self, data: str) -> bool:
        if data.lower() not in {"basic", "full"}:
            self.fail("invalid", name=self.field_name)
        return data.lower() == "full"


@extend_schema_field({"type": "integer", "minimum": 1, "maximum": LARGEST_INT})
class LimitField(Field):
    """A whole number in ASCII digits. DRF's own field also takes signs, spaces and fractions."""

    default_error_messages = {"invalid": f"limit must be a whole number from 1 to {LARGEST_INT}."}

    def to_internal_value(self, data: str) -> int:
        if not re.fullmatch(r"[0-9]{1,10}", data) or not 1 <= int(data) <= LARGEST_INT:
            self.fail("invalid")
        return int(data)


@extend_schema_field({"type": "string"})
class LocationField(Field):
    """A country in ISO 3166-1 alpha-2."""

    default_error_messages = {"invalid": "location must be an ISO 3166-1 alpha-2 country code."}

    def to_internal_value(self, data: str) -> Country:
        try:
            return Country.parse(data)
        except InvalidIdentifier:
            self.fail("invalid")


class BalanceQuerySerializer(serializers.Serializer[Any]):
    """The query parameters of Get Balance."""

    def get_fields(self) -> Fields:
        return {
            "fieldsTemplate": TemplateField(
                required=False, help_text="`basic` (default) or `full`. Not case-sensitive."
            ),
            # Microsoft's own tests write it this way.
            "fieldTemplate": TemplateField(
                required=False,
                help_text="Another name for `fieldsTemplate`. If both are sent,"
                " `fieldsTemplate` is used.",
            ),
            "limit": LimitField(
                required=False,
                help_text="The maximum number of balances to return. If missing or empty: all.",
            ),
            "location": LocationField(
                required=False,
                help_text="An ISO 3166-1 alpha-2 country code, not case-sensitive. `UK` means `GB`."
                " If missing or empty: all countries.",
            ),
        }


@lru_cache(maxsize=256)
def parse_query(query_string: str) -> BalanceQuery:
    """Parse the query parameters; raises `BadParameter`.

    The result is cached, because the same few queries come again and again.
    """
    # The first value of a repeated parameter counts, and dict() keeps the last: hence reversed().
    sent = dict(reversed(parse_qsl(query_string, keep_blank_values=True)))
    if "fieldsTemplate" in sent:
        sent.pop("fieldTemplate", None)
    serializer = BalanceQuerySerializer(data={name: value for name, value in sent.items() if value})
    if not serializer.is_valid():
        name, [detail, *_] = next(iter(serializer.errors.items()))
        raise BadParameter(name, str(detail))
    found = serializer.validated_data
    return BalanceQuery(
        is_full=found.get("fieldsTemplate") or found.get("fieldTemplate") or False,
        limit=found.get("limit"),
        location=found.get("location"),
    )


def parse_transaction_id(meta: Mapping[str, Any]) -> str:
    """Return the transaction id from a request's `META`, or empty text if there is none.

    Raises `BadParameter` if it could not be echoed or stored. An empty header is one of these,
    because granian hands on an id with a byte outside ASCII as empty.
    """
    value: str | None = meta.get(TRANSACTION_KEY)
    if value is None:
        return ""
    if len(value) > LONGEST_TRANSACTION_ID or not PRINTABLE.fullmatch(value):
        raise BadParameter(
            TRANSACTION_HEADER,
            f"{TRANSACTION_HEADER} must have 1 to {LONGEST_TRANSACTION_ID} characters, "
            "all of them printable ASCII.",
        )
    return value


def parse_sim(text: str) -> Iccid | None:
    """Parse `8988…`, `iccid:8988…` or `iccid: 8988…` in any case; None if it is no ICCID."""
    bare = text if text.isdecimal() else _ICCID_PREFIX.sub("", text.strip())
    try:
        return Iccid.parse(bare)
    except InvalidIdentifier:
        return None


@extend_schema_field(
    {"type": "string", "pattern": r"^P(?=.)(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+S)?)?$"}
)
class IsoDurationField(Field):
    """An ISO 8601 duration as Microsoft's documents write it: `P23DT23H`; none is `PT0S`."""

    def to_representation(self, value: timedelta) -> str:
        """Return whole seconds in days, hours, minutes and seconds; never negative."""
        seconds = max(int(value.total_seconds()), 0)
        if not seconds:
            return "PT0S"
        days, seconds = divmod(seconds, 86_400)
        hours, seconds = divmod(seconds, 3600)
        minutes, seconds = divmod(seconds, 60)
        date = f"{days}D" if days else ""
        parts = {"H": hours, "M": minutes, "S": seconds}
        time = "".join(f"{number}{unit}" for unit, number in parts.items() if number)
        return f"P{date}T{time}" if time else f"P{date}"


@extend_schema_field({"type": "string", "pattern": "^[A-Z]{2}$"})
class CountryField(serializers.CharField):
    """A country in ISO 3166-1 alpha-2, in upper case."""


@extend_schema_field({"type": "number", "minimum": 0})
class MegabytesField(Field):
    """Bytes as MB (10^6 bytes)."""

    def to_representation(self, value: int) -> float:
        """Return MB rounded down to 0.01, but never 0 if a byte is left."""
        hundredths = value // BYTES_PER_HUNDREDTH_MB
        return max(hundredths, 1 if value else 0) / 100


class BalanceSerializer(serializers.Serializer[Balance]):
    """A balance. `locations` is returned only with `fieldsTemplate=full`."""

    is_full = True

    def get_fields(self) -> Fields:
        fields: Fields = {
            "id": serializers.CharField(source="identifier", help_text="The operator's number."),
            "type": serializers.ChoiceField(list(BALANCE_TYPES.items())),
            settings.BALANCE_DATA_KEY: MegabytesField(
                source="left_bytes",
                help_text="Data left in MB (10^6 bytes), rounded down to 0.01, but never below"
                " 0.01 if data is left.",
            ),
            "timeRemaining": IsoDurationField(
                source="left_time",
                help_text="Time left, as an ISO 8601 duration in whole seconds. `PT0S` if no"
                " time is left.",
            ),
        }
        if self.is_full:
            fields["locations"] = serializers.ListField(
                child=CountryField(),
                required=False,
                help_text="The countries where the balance is valid. Only with"
                " `fieldsTemplate=full`.",
            )
        return fields

    def to_representation(self, instance: Balance) -> dict[str, Any]:
        """Write each field. DRF would first look for missing and callable values, for 10 µs."""
        return {name: write(source(instance)) for name, source, write in self._writers}

    @cached_property
    def _writers(self) -> list[tuple[str, Callable[[Balance], Any], Callable[[Any], Any]]]:
        return [
            (name, attrgetter(field.source or name), field.to_representation)
            for name, field in self.fields.items()
        ]


class BasicBalanceSerializer(BalanceSerializer):
    is_full = False


def balance_serializer(*, is_full: bool) -> BalanceSerializer:
    """Return the serializer for a template. It is cached, because declaring its fields is slow."""
    return _balance_serializer(is_full, settings.BALANCE_DATA_KEY)


@cache
def _balance_serializer(is_full: bool, _data_key: str) -> BalanceSerializer:  # noqa: FBT001 -- the key of a cache
    return BalanceSerializer() if is_full else BasicBalanceSerializer()


class BalancesSerializer(serializers.Serializer[Any]):
    def get_fields(self) -> Fields:
        return {"balances": BalanceSerializer(many=True)}


class ProblemSerializer(serializers.Serializer[Any]):
    """A problem document (RFC 9457)."""

    def get_fields(self) -> Fields:
        return {
            "type": serializers.CharField(),
            "title": serializers.CharField(),
            "status": serializers.IntegerField(min_value=400, max_value=599),
            "detail": serializers.CharField(),
            "parameter": serializers.CharField(
                required=False, help_text="Only with status 400: the invalid parameter or header."
            ),
            "reference": serializers.CharField(
                required=False,
                help_text="Only with status 500: include it if you report the error.",
            ),
        }


class UsageRecordSerializer(serializers.Serializer[Any]):
    """Data used by a SIM."""

    # For the document only: `subscriptions.records` parses records, from files and pulls too.
    def get_fields(self) -> Fields:
        return {
            "id": serializers.CharField(min_length=1, max_length=LONGEST_ID),
            "iccid": serializers.CharField(),
            "usedAt": serializers.DateTimeField(),
            "bytes": serializers.IntegerField(min_value=0, max_value=MOST_BYTES),
            "country": serializers.CharField(help_text="An ISO 3166-1 alpha-2 country code."),
        }


class UsageSerializer(serializers.Serializer[Any]):
    def get_fields(self) -> Fields:
        help_text = "An invalid record is refused. The other records are counted."
        return {"records": UsageRecordSerializer(many=True, help_text=help_text)}


class RefusalSerializer(serializers.Serializer[Refusal]):
    """A usage record that was refused."""

    def get_fields(self) -> Fields:
        return {
            "index": serializers.IntegerField(
                min_value=0, help_text="The record's position in the batch, starting at 0."
            ),
            "parameter": serializers.SerializerMethodField(),
            "detail": serializers.CharField(),
        }

    def get_parameter(self, refusal: Refusal) -> str:
        place = f"records[{refusal.index}]"
        return f"{place}.{refusal.parameter}" if refusal.parameter else place


class TallySerializer(serializers.Serializer[Tally]):
    """The result for a batch of usage records."""

    def get_fields(self) -> Fields:
        return {
            "taken": serializers.IntegerField(min_value=0),
            "repeated": serializers.IntegerField(min_value=0),
            "onNoLine": serializers.ListField(
                source="on_no_line",
                child=serializers.IntegerField(min_value=0),
                help_text="The positions, starting at 0, of records whose SIM was on no line at"
                " that time.",
            ),
            "refused": RefusalSerializer(many=True),
        }
