"""`accounts.domain.telling`: what the account shows, and what is sent to its addresses."""

import pytest
from pytest_django.fixtures import Settings

from accounts.domain import telling
from accounts.models import AccountMessage, User
from messages.domain import budget
from messages.models import Message
from messages.states import Channel, MessageState, Occasion
from moportal.money import Money
from outbox.models import Task
from tests.conftest import PASSWORD

CONTEXT = {"number": "ABCDE-12345", "plan": "Traveller", "total": Money(1900, "USD")}


def tell(account: User, *, key: str = "ABCDE12345", language: str = "") -> None:
    telling.tell(account, Occasion.ORDER_CANCELLED, key=key, context=CONTEXT, language=language)


def test_a_customer_is_told_once(alice: User) -> None:
    tell(alice)
    tell(alice)

    message = Message.objects.get()
    assert (message.address, message.language) == ("alice@example.com", "en")
    assert message.context == {**CONTEXT, "name": "Alice"}
    assert AccountMessage.objects.get().context == CONTEXT
    assert Task.objects.get().kind == "message"


@pytest.mark.parametrize(
    ("own", "orders", "chosen"), [("de", "ar", "de"), ("", "ar", "ar"), ("", "", "en")]
)
def test_the_accounts_language_comes_first(alice: User, own: str, orders: str, chosen: str) -> None:
    alice.language = own

    tell(alice, language=orders)

    assert Message.objects.get().language == chosen


def test_an_address_that_nobody_has_proven_is_told(db: None) -> None:
    noor = User.objects.create_user("noor@example.com", PASSWORD)

    tell(noor)

    assert Message.objects.get().state == MessageState.QUEUED


def test_a_phone_number_gets_an_sms(alice: User) -> None:
    noor = User.objects.create_user("+12025550142", PASSWORD)

    tell(noor)

    message = Message.objects.get()
    assert (message.channel, message.address) == ("sms", "+12025550142")


def test_a_number_abroad_is_told_in_the_account_alone(alice: User) -> None:
    noor = User.objects.create_user("+493023125000", PASSWORD)

    tell(noor)

    assert Message.objects.get().state == MessageState.REFUSED
    assert telling.messages_of(noor).count() == 1
    assert telling.undelivered(noor)


def test_an_account_without_an_address_has_the_message_in_the_account(alice: User) -> None:
    clerk = User.objects.create_user("clerk", PASSWORD)

    tell(clerk)

    assert not Message.objects.exists()
    assert telling.messages_of(clerk).count() == 1
    assert not telling.undelivered(clerk)


def test_a_full_budget_stops_no_message_in_the_account(alice: User, settings: Settings) -> None:
    settings.MAILS_PER_HOUR = 1
    tell(alice, key="1")
    budget.count(Channel.MAIL, alice.username)

    tell(alice, key="2")

    assert telling.messages_of(alice).count() == 2
    assert Message.objects.count() == 2


def test_the_account_shows_the_words_in_the_pages_language(alice: User) -> None:
    tell(alice)
    told = telling.messages_of(alice).get()

    assert telling.words_of(told, language="en").text.startswith("Hello Alice,")
    assert telling.words_of(told, language="de").text.startswith("Hallo Alice,")


@pytest.mark.parametrize(
    ("own", "market", "place"),
    [("Asia/Tokyo", "US", "Asia/Tokyo"), ("", "US", "US"), ("", "", "")],
)
def test_a_message_says_where_its_reader_is(alice: User, own: str, market: str, place: str) -> None:
    alice.time_zone, alice.market = own, market

    tell(alice)

    assert Message.objects.get().place == place
