"""Messages at the desk: what staff see of them, and sending them again."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from accounts.models import User
from accounts.roles import AGENT
from messages.models import Message
from messages.senders.base import MessageRefused
from messages.states import MessageState
from tests.messages.conftest import Postman, process

pytestmark = pytest.mark.django_db(transaction=True)
Write = Callable[..., Message]
LIST = "/admin/customer_messages/message/"


@pytest.fixture
def desk(client: Client, alice: User) -> Client:
    """Return the browser of an agent."""
    agent = User.objects.create_user("agent@staff.example", "a pass phrase", is_staff=True)
    agent.groups.add(Group.objects.get(name=AGENT))
    client.force_login(agent)
    return client


def resend(desk: Client, message: Message) -> str:
    form = {"action": "resend", "_selected_action": [message.pk]}
    return desk.post(LIST, form, follow=True).text


def test_staff_see_a_refusal_and_send_again(
    desk: Client, write_one: Write, postman: Postman
) -> None:
    message = write_one()
    postman.errors = [MessageRefused("no such mailbox")]
    process(message)
    assert "no such mailbox" in desk.get(LIST, {"failed": "1"}).text

    assert "the message is being sent again" in resend(desk, message)

    again = Message.objects.get(resend_of=message)
    process(again)
    assert again.state == MessageState.SENT


def test_the_list_of_failures_leaves_out_the_others(
    desk: Client, write_one: Write, postman: Postman
) -> None:
    process(write_one())

    assert "alice@example.com" in desk.get(LIST).text
    assert "alice@example.com" not in desk.get(LIST, {"failed": "1"}).text


def test_staff_never_see_a_code(desk: Client, write_one: Write, postman: Postman) -> None:
    message = write_one(code="QXZW-7305")

    page = desk.get(f"{LIST}{message.pk}/change/").text

    assert "QXZW" not in page
    assert "Your code is ······." in page
    assert "is not sent again" in resend(desk, message)


def test_staff_read_what_was_sent(desk: Client, write_one: Write, postman: Postman) -> None:
    message = write_one()
    process(message)

    page = desk.get(f"{LIST}{message.pk}/change/").text

    assert "As you asked, your order ABCDE-12345" in page
    assert "Postman" in page


def test_staff_see_that_a_content_was_deleted(desk: Client, write_one: Write) -> None:
    message = write_one()
    Message.objects.update(context={})

    assert "The content was deleted." in desk.get(f"{LIST}{message.pk}/change/").text
