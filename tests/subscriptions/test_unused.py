"""`unused_price`: the share of a period's price that is left, by time and by data."""

import pytest

from esim.models import Sim
from moportal.money import Money
from subscriptions.domain.unused import unused_price
from subscriptions.models import Bucket, Line, Period
from tests.builders import GB
from tests.subscriptions.usages import at, give, said, tell

DAYS = 30


def priced(bucket: Bucket, minor_units: int = 3000) -> Period:
    Period.objects.update(gross_minor_units=minor_units, tax_minor_units=0, currency="USD")
    return Period.objects.get(pk=bucket.period_id)


def left(period: Period, day: float, **rule: bool) -> int:
    share = unused_price(period, at=at(day), **rule)
    assert share.currency == "USD"
    return share.minor_units


@pytest.mark.parametrize(
    ("day", "units"), [(-1, 3000), (0, 3000), (10, 2000), (29.5, 50), (30, 0), (31, 0)]
)
def test_the_share_of_the_time_is_never_more_than_all_or_less_than_nothing(
    line: Line, day: float, units: int
) -> None:
    assert left(priced(give(line, at(0), at(DAYS))), day) == units


@pytest.mark.parametrize(("used", "units"), [(0, 2000), (GB // 4, 2000), (GB // 2, 1500), (GB, 0)])
def test_the_smaller_share_of_time_and_data_is_left(line: Line, used: int, units: int) -> None:
    bucket = give(line, at(0), at(DAYS))
    Bucket.objects.update(used_bytes=used)
    period = priced(bucket)

    assert left(period, 10) == units
    assert left(period, 10, counts_data=False) == 2000


def test_unlimited_data_counts_by_time(line: Line) -> None:
    assert left(priced(give(line, at(0), at(DAYS), total=None)), 15) == 1500


def test_a_share_is_rounded_up(line: Line) -> None:
    period = priced(give(line, at(0), at(DAYS), total=3), minor_units=100)
    Bucket.objects.update(used_bytes=1)

    assert left(period, 0) == 67
    assert Money(100, "JPY").share(1, 3) == Money(34, "JPY")
    assert Money(100, "JPY").share(3, 3) == Money(100, "JPY")
    assert Money(0, "JPY").share(1, 3) == Money(0, "JPY")


def test_what_is_used_later_does_not_count(line: Line, sim: Sim) -> None:
    period = priced(give(line, at(0), at(DAYS)))
    tell(said("early", sim, at(5), GB // 2), said("late", sim, at(12), GB // 2))

    assert left(period, 10) == 1500
    assert left(period, 20) == 0


def test_a_period_that_has_not_begun_is_all_left(line: Line) -> None:
    period = priced(give(line, at(0), at(DAYS)))
    period.starts_at = period.ends_at = None

    assert left(period, 10) == 3000
