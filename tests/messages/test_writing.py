"""`messages.domain.writing`: one message for each occasion and address."""

from collections.abc import Callable

import pytest
from django.db import transaction

from messages.domain.writing import CannotResend, resend, write
from messages.models import Message
from messages.senders import sender_of
from messages.senders.base import Letter, MessageRefused
from messages.senders.console import Console
from messages.states import Channel, MessageState, Occasion
from outbox.models import Task
from tests.messages.conftest import ADDRESS, CONTEXT, Postman, process
from tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)
Write = Callable[..., Message]


def again(message: Message) -> int | None:
    return write(
        Occasion(message.occasion),
        key=message.key,
        address=message.address,
        language="en",
        context={},
    )


def test_a_message_is_written_once(write_one: Write) -> None:
    message = write_one()

    assert again(message) is None

    assert Message.objects.count() == 1
    assert Task.objects.get().subject == str(message.pk)


def test_a_transaction_that_fails_writes_no_message(write_one: Write) -> None:
    with transaction.atomic():
        write_one()
        transaction.set_rollback(True)

    assert not Message.objects.exists()
    assert not Task.objects.exists()


def test_resend_makes_a_new_row_and_leaves_the_old_one(write_one: Write, postman: Postman) -> None:
    first = write_one()
    process(first)

    second = resend(first)
    process(second)

    assert second.state == MessageState.SENT
    assert second.resend_of == first
    assert second.identifier != first.identifier
    assert [letter.address for letter in postman.letters] == [ADDRESS, ADDRESS]
    assert postman.letters[0].text == postman.letters[1].text


def test_a_message_on_its_way_is_not_sent_again(write_one: Write) -> None:
    with pytest.raises(CannotResend):
        resend(write_one())


def test_a_code_is_not_sent_again(write_one: Write, postman: Postman) -> None:
    message = write_one(code="QXZW-7305")
    process(message)

    with pytest.raises(CannotResend):
        resend(message)


def test_a_message_without_its_content_is_not_sent_again(
    write_one: Write, postman: Postman
) -> None:
    message = write_one()
    process(message)
    message.context = {}

    with pytest.raises(CannotResend):
        resend(message)


def test_a_message_is_sent_again_once(write_one: Write, postman: Postman) -> None:
    message = write_one()
    process(message)
    resend(message)

    with pytest.raises(CannotResend):
        resend(message)

    assert Message.objects.filter(resend_of=message).count() == 1


def test_of_two_who_resend_at_once_one_wins(write_one: Write, postman: Postman) -> None:
    message = write_one()
    process(message)

    results = at_once(lambda: resend(message), times=2)

    assert [type(result) for result in results].count(CannotResend) == 1
    assert Message.objects.filter(resend_of=message).count() == 1


def test_the_console_prints_the_message(capsys: pytest.CaptureFixture[str]) -> None:
    letter = Letter(Message().identifier, ADDRESS, "en", "Hello", "It works.")

    Console().send(letter)

    assert "To: alice@example.com\nSubject: Hello\n\nIt works." in capsys.readouterr().out


def test_the_settings_name_the_senders(settings: pytest.FixtureRequest) -> None:
    settings.MAIL_SENDER = "messages.senders.console.Console"  # type: ignore[attr-defined]  # pytest-django's own object
    settings.SMS_SENDER = ""  # type: ignore[attr-defined]  # the same

    assert isinstance(sender_of(Channel.MAIL), Console)
    with pytest.raises(MessageRefused, match="SMS_SENDER is not set"):
        sender_of(Channel.SMS)


def test_the_context_keeps_its_types(write_one: Write) -> None:
    message = write_one()

    assert message.context == CONTEXT
