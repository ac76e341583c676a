"""`messages.domain.quiet_hours`: what is not urgent is not sent at night, and is never lost."""

from datetime import UTC, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import pytest
import time_machine
from pytest_django.fixtures import Settings

from messages.domain.quiet_hours import next_day, time_until_day
from messages.domain.writing import resend, write
from messages.models import Message
from messages.senders.base import SenderUnavailable
from messages.states import SECURITY, WAITS_FOR_DAY, MessageState, Occasion
from outbox.domain import RetryAfter
from tests.builders import make_operator
from tests.messages.conftest import ADDRESS, CONTEXT, Postman, process

pytestmark = pytest.mark.django_db(transaction=True)
HOUR = timedelta(hours=1)
_number = count(1)
# Eleven in the evening in Berlin, and six in the evening in New York.
NIGHT = datetime(2026, 1, 15, 22, tzinfo=UTC)
MORNING = datetime(2026, 1, 16, 7, tzinfo=UTC)


@pytest.fixture(autouse=True)
def quiet_hours(settings: Settings) -> None:
    settings.QUIET_HOURS = (21, 8)


def written(
    *,
    place: str = "Europe/Berlin",
    occasion: Occasion = Occasion.RENEWAL_ENDED,
    lapses_at: datetime | None = None,
) -> Message:
    make_operator()
    pk = write(
        occasion,
        key=str(next(_number)),
        address=ADDRESS,
        language="en",
        context=CONTEXT,
        place=place,
        lapses_at=lapses_at,
    )
    assert pk is not None
    return Message.objects.get(pk=pk)


def day(place: str, at: datetime) -> datetime:
    return at + time_until_day(written(place=place), at=at)


def test_a_message_at_night_is_sent_in_the_morning(postman: Postman) -> None:
    with time_machine.travel(NIGHT, tick=False) as clock:
        message = written()
        assert process(message) == RetryAfter(9 * HOUR)
        assert (message.state, postman.letters) == (MessageState.QUEUED, [])

        clock.move_to(MORNING)
        assert process(message) is None
        assert message.state == MessageState.SENT


def test_a_message_by_day_is_sent_at_once(postman: Postman) -> None:
    with time_machine.travel(MORNING, tick=False):
        assert process(written()) is None


def test_what_failed_in_the_evening_is_not_tried_at_night_and_has_its_full_time(
    postman: Postman, settings: Settings
) -> None:
    settings.MESSAGE_RETRY_HOURS = 8
    postman.errors = [SenderUnavailable("away")] * 2
    with time_machine.travel(NIGHT - 2 * HOUR - timedelta(minutes=1), tick=False) as clock:
        message = written()
        assert process(message) is not None
        clock.move_to(NIGHT)
        assert process(message) == RetryAfter(9 * HOUR)
        assert len(postman.letters) == 1

    # It waited for its first attempt. Hours count from then.
    with time_machine.travel(NIGHT, tick=False) as clock:
        later = written(place="Europe/Paris")
        assert process(later) == RetryAfter(9 * HOUR)
        clock.move_to(MORNING)
        assert process(later) is not None
        assert later.state == MessageState.SENDING


@pytest.mark.parametrize(
    "occasion",
    [Occasion.RENEWAL_REFUSED, Occasion.DATA_USED_UP, Occasion.NEW_SIGN_IN, Occasion.DECLARED],
)
def test_what_is_urgent_does_not_wait(occasion: Occasion) -> None:
    assert time_until_day(written(occasion=occasion), at=NIGHT) == timedelta()


def test_no_security_message_and_no_code_waits() -> None:
    never = {*SECURITY, Occasion.CODE, Occasion.SUPPORT_CODE, Occasion.PASSWORD_LINK}

    assert not WAITS_FOR_DAY & never


def test_a_message_that_would_lapse_before_the_morning_is_sent_at_once(postman: Postman) -> None:
    with time_machine.travel(NIGHT, tick=False):
        assert process(written(lapses_at=MORNING)) is None
    assert len(postman.letters) == 1


def test_a_message_that_lapses_after_the_morning_waits() -> None:
    assert time_until_day(written(lapses_at=MORNING + HOUR), at=NIGHT) == 9 * HOUR


def test_what_staff_send_again_does_not_wait(postman: Postman) -> None:
    with time_machine.travel(MORNING, tick=False):
        message = written()
        process(message)
    with time_machine.travel(NIGHT + 24 * HOUR, tick=False):
        assert process(resend(message)) is None
    assert len(postman.letters) == 2


def test_without_quiet_hours_nothing_waits(settings: Settings) -> None:
    settings.QUIET_HOURS = None

    assert time_until_day(written(), at=NIGHT) == timedelta()


def test_the_customers_zone_counts_else_the_market_else_the_operators() -> None:
    six_in_new_york = datetime(2026, 1, 15, 11, tzinfo=UTC)

    assert day("Asia/Tokyo", six_in_new_york) == six_in_new_york
    assert day("DE", six_in_new_york) == six_in_new_york
    # In each zone of the United States it is day at eight on Hawaii and the western Aleutians.
    eight_there = datetime(2026, 1, 15, 18, tzinfo=UTC)
    for place in ("US", "", "Atlantis", "Nowhere/Atlantis", "XX"):
        assert day(place, six_in_new_york) == eight_there


def test_a_market_that_nobody_knows_has_the_billing_zone(settings: Settings) -> None:
    settings.BILLING_ZONE = "Asia/Tokyo"
    make_operator(default_market="XK")

    # Seven in the evening in Tokyo, and then eleven.
    evening = datetime(2026, 1, 15, 10, tzinfo=UTC)
    assert day("XK", evening) == evening
    assert day("XK", evening + 4 * HOUR) == evening + 13 * HOUR


@pytest.mark.parametrize(
    ("hours", "local", "waits"),
    [
        ((21, 8), 20, 0),
        ((21, 8), 21, 11),
        ((21, 8), 0, 8),
        ((21, 8), 7, 1),
        ((21, 8), 8, 0),
        ((1, 7), 0, 0),
        ((1, 7), 1, 6),
        ((1, 7), 7, 0),
        ((1, 7), 23, 0),
    ],
)
def test_the_night_is_between_the_two_hours(
    settings: Settings, hours: tuple[int, int], local: int, waits: int
) -> None:
    settings.QUIET_HOURS = hours
    at = datetime(2026, 1, 15, local, tzinfo=UTC)

    assert next_day(at, [ZoneInfo("UTC")]) == at + waits * HOUR


def test_the_morning_is_the_readers_own_when_clocks_change() -> None:
    """At two in the morning of 29 March 2026, clocks in Berlin were put forward."""
    at = datetime(2026, 3, 28, 22, tzinfo=UTC)

    assert next_day(at, [ZoneInfo("Europe/Berlin")]) == datetime(2026, 3, 29, 6, tzinfo=UTC)


def test_without_a_day_in_common_the_first_zone_counts(settings: Settings) -> None:
    settings.QUIET_HOURS = (12, 11)
    zones = [ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Tokyo"), ZoneInfo("America/New_York")]

    assert next_day(NIGHT, zones) == datetime(2026, 1, 16, 10, tzinfo=UTC)
