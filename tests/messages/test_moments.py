"""One mishap at each moment of sending: the message arrives, twice only after a lost answer."""

from collections.abc import Callable
from functools import partial

import pytest
from pytest_django.fixtures import Settings

from messages.models import Message
from tests.messages.moments import MISHAPS, losses
from tests.providers import books

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("mishap", MISHAPS)
def test_an_sms_arrives_at_whatever_moment_one_thing_goes_wrong(
    phone: str, write_one: Callable[..., Message], settings: Settings, mishap: str
) -> None:
    settings.SMS_PER_HOUR = 1000

    def received() -> int:
        # The gateway knows a message by its identifier, so a second call delivers nothing. Its
        # calls are counted, as for a gateway that does not.
        return len(books(phone)["calls"])

    write = partial(write_one, "+12025550142")
    found = list(losses(MISHAPS[mishap], lambda key: write(key=key), received))

    assert not found, "\n".join(found)
    assert len(books(phone)["messages"]) == Message.objects.count()
