"""`messages.domain.budget`: nobody makes the portal send without limits."""

from collections import deque
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from brand.models import Operator
from messages.domain.budget import NotAllowed
from messages.models import Message, SentCount
from messages.states import MessageState
from tests.messages.conftest import ADDRESS, Postman, process
from tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)
Write = Callable[..., Message]
BERLIN, FICTIONAL = "+493023125000", "+12025550142"


def test_a_number_of_another_country_gets_no_sms(write_one: Write) -> None:
    message = write_one(BERLIN)

    assert message.state == MessageState.REFUSED
    assert message.reason == "SMS to numbers of DE are not allowed."


def test_a_number_of_an_allowed_country_gets_sms(write_one: Write) -> None:
    write_one(FICTIONAL, key="first")
    Operator.objects.update(sms_countries="US DE")

    assert write_one(BERLIN).state == MessageState.QUEUED


def test_a_number_of_no_known_country_gets_no_sms(write_one: Write) -> None:
    assert write_one("+9990000000").reason == "SMS to numbers of this country are not allowed."


def test_a_premium_rate_number_gets_no_sms(write_one: Write) -> None:
    message = write_one("+19002345678")

    assert message.reason == "SMS to premium-rate numbers are not allowed."


def test_a_code_to_a_number_that_gets_no_sms_raises_an_error(write_one: Write) -> None:
    with pytest.raises(NotAllowed, match="numbers of DE"):
        write_one(BERLIN, code="1")

    assert not Message.objects.exists()


@pytest.mark.parametrize(
    "limit",
    [
        (ADDRESS, "MAILS_PER_HOUR", "to this mail address"),
        (FICTIONAL, "SMS_PER_HOUR", "to this phone number"),
        (FICTIONAL, "SMS_PER_COUNTRY_HOUR", "to this country"),
    ],
)
def test_a_message_past_a_limit_is_refused_until_the_hour_is_over(
    write_one: Write, postman: Postman, settings: Settings, limit: tuple[str, str, str]
) -> None:
    address, setting, reason = limit
    setattr(settings, setting, 2)
    messages = [write_one(address, key=str(number)) for number in range(4)]
    for message in messages[:3]:
        process(message)

    states = [message.state for message in messages]
    assert states == [*[MessageState.SENT] * 2, MessageState.REFUSED, MessageState.QUEUED]
    assert reason in messages[2].reason
    with pytest.raises(NotAllowed, match=reason):
        write_one(address, key="code", code="1")
    with time_machine.travel(now() + timedelta(hours=1)):
        process(messages[3])
    assert messages[3].state == MessageState.SENT
    assert len(postman.letters) == 3


def test_zero_is_no_limit(write_one: Write, postman: Postman, settings: Settings) -> None:
    settings.MAILS_PER_HOUR = 0

    for number in range(3):
        process(write_one(key=str(number)))

    write_one(key="code", code="1")
    assert len(postman.letters) == 3
    assert not SentCount.objects.exists()


def test_a_refused_number_does_not_use_up_the_countrys_limit(
    write_one: Write, postman: Postman, settings: Settings
) -> None:
    settings.SMS_PER_COUNTRY_HOUR, settings.SMS_PER_HOUR = 1, 1
    process(write_one(FICTIONAL))

    process(write_one("+12025550143"))

    counts = dict(SentCount.objects.values_list("name", "used"))
    assert counts == {"phone number": 1, "country": 1}


def test_the_counted_address_cannot_be_read_from_the_row(
    write_one: Write, postman: Postman
) -> None:
    process(write_one())

    assert ADDRESS not in SentCount.objects.get().subject


def test_concurrent_workers_do_not_exceed_a_limit(
    write_one: Write, postman: Postman, settings: Settings
) -> None:
    settings.MAILS_PER_HOUR = 2
    messages = [write_one(key=str(number)) for number in range(4)]

    waiting = deque(messages)
    at_once(lambda: process(waiting.popleft()), times=4)

    states = sorted(Message.objects.values_list("state", flat=True))
    assert states == ["refused", "refused", "sent", "sent"]
