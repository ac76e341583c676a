"""Staff set their own password: by a link, and on the desk's page. Nobody sets anybody else's."""

import html
import logging
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import time_machine
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.core.management import call_command
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.domain import password_links
from accounts.models import PasswordLink, User
from accounts.roles import ADMINISTRATOR, AGENT, VIEWER
from messages.domain import budget
from messages.models import Message
from messages.states import Channel, Occasion
from moportal.web.gate import Gate
from tests.accounts.test_sessions import kinds
from tests.builders import make_operator
from tests.conftest import PASSWORD
from tests.races import at_once

NEW = "another long pass phrase"
PAGE = "https://desk.example/admin/set-password/?link="


@pytest.fixture(autouse=True)
def kestrel(db: None) -> None:
    make_operator()


@pytest.fixture
def agent(db: None) -> User:
    return make_staff(AGENT)


@pytest.fixture
def as_clara(clara: User) -> Client:
    """Return a browser in which Clara, a superuser, is signed in."""
    return browser_of(clara)


def make_staff(role: str, *, name: str = "") -> User:
    user = User.objects.create_user(f"{name or role}@staff.example", PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    return user


def browser_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def link_page(user: User) -> str:
    return f"/admin/accounts/user/{user.pk}/password-link/"


def give(user: User, actor: User) -> str:
    """Return the token of a new link that the actor gives the user."""
    return password_links.give(user, actor=actor, page=PAGE, by_mail=False)


def open_link(token: str, *, new: str = NEW, again: str = "") -> tuple[int, str]:
    """Return the answer to a browser that sets a password on the link's page."""
    form = {"link": token, "new": new, "again": again or new}
    answer = Client().post("/admin/set-password/", form)
    return answer.status_code, answer.text


def opens_desk(user: User, password: str) -> bool:
    form = {"username": user.username, "password": password}
    return Client().post("/admin/login/?next=/admin/", form).status_code == 302


def test_a_new_colleague_sets_the_first_password_on_a_link(as_clara: Client, clara: User) -> None:
    agents = Group.objects.get(name=AGENT)
    form = {"username": "Noor@Staff.example", "name": "Noor", "groups": [agents.pk]}

    answer = as_clara.post("/admin/accounts/user/add/", form)

    noor = User.objects.get(username="noor@staff.example")
    assert answer.headers["Location"] == link_page(noor)
    assert (noor.is_staff, noor.is_superuser, list(noor.groups.all())) == (True, False, [agents])
    assert not noor.has_usable_password()

    shown = as_clara.post(link_page(noor), {"show": "1"}).text
    link = html.unescape(re.search(r"<code>(.*?)</code>", shown)[1])  # type: ignore[index]  # the page shows it
    assert urlsplit(link).netloc == "testserver"
    page = Client().get(link)
    assert "Set your password" in page.text
    assert noor.username in page.text
    assert page.headers["Cache-Control"].startswith("max-age=0")

    token = html.unescape(re.search(r'name="link" value="(.*?)"', page.text)[1])  # type: ignore[index]  # the form has it
    assert open_link(token)[0] == 302
    assert opens_desk(noor, NEW)
    assert kinds(noor)[:2] == ["link_given", "link_used"]
    assert noor.access_events.get(kind="link_given").actor == clara


def test_a_link_works_once(agent: User, clara: User) -> None:
    token = give(agent, clara)
    open_link(token)

    status, page = open_link(token, new="a third long pass phrase")

    assert status == 404
    assert "does not work any more" in page
    assert opens_desk(agent, NEW)


def test_a_reset_is_the_same_link_and_ends_the_sessions(agent: User, clara: User) -> None:
    desk = browser_of(agent)
    desk.get("/admin/")
    token = give(agent, clara)
    # Until the new password is set the old one works: its owner may not have asked for a link.
    assert opens_desk(agent, PASSWORD)

    open_link(token)

    assert desk.get("/admin/").status_code == 302
    assert not opens_desk(agent, PASSWORD)


@pytest.mark.parametrize(
    ("new", "again", "error"),
    [
        ("short", "", "too short"),
        ("agent@staff.exampl", "", "too similar"),
        ("kestrel!", "", "too similar to our name"),
        ("password1", "", "too common"),
        (NEW, f"{NEW}!", "The two passwords are not the same."),
    ],
)
def test_a_refused_password_says_why_and_keeps_the_link(
    agent: User, clara: User, new: str, again: str, error: str
) -> None:
    token = give(agent, clara)

    status, page = open_link(token, new=new, again=again)

    assert (status, error in page) == (200, True)
    assert f'value="{new}"' not in page
    assert open_link(token)[0] == 302


def test_a_newer_link_replaces_the_older_one(agent: User, clara: User) -> None:
    old = give(agent, clara)
    new = give(agent, clara)

    assert open_link(old)[0] == 404
    assert open_link(new)[0] == 302


def test_a_link_ends_after_a_day(agent: User, clara: User) -> None:
    with time_machine.travel("2027-03-01T10:00:00Z", tick=False) as clock:
        token = give(agent, clara)
        clock.shift(password_links.LIFETIME)

        assert open_link(token)[0] == 404


def _forgeries(token: str, link: PasswordLink) -> Iterator[str]:
    yield ""
    yield "not a token"
    yield token[:-1] + ("A" if token[-1] != "A" else "B")
    yield signing.dumps([link.pk, "secret"], salt="another salt")
    # A wrong secret and a wrong link, signed well.
    yield signing.dumps([link.pk, "secret"], salt=password_links.SALT)
    yield signing.dumps([link.pk + 1, "secret"], salt=password_links.SALT)
    yield signing.dumps("secret", salt=password_links.SALT)


def test_a_forged_link_opens_nothing(agent: User, clara: User) -> None:
    token = give(agent, clara)

    for forged in _forgeries(token, PasswordLink.objects.get()):
        assert open_link(forged)[0] == 404, forged
        assert Client().get("/admin/set-password/", {"link": forged}).status_code == 404, forged


def test_the_secret_is_neither_stored_nor_logged_nor_shown_again(
    as_clara: Client, agent: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    shown = as_clara.post(link_page(agent), {"show": "1"}).text
    token = html.unescape(re.search(r"link=(.*?)</code>", shown)[1])  # type: ignore[index]  # the page shows it
    _pk, secret = signing.loads(token, salt=password_links.SALT)
    Client().get("/admin/set-password/", {"link": token})
    open_link(token)

    assert secret not in str(PasswordLink.objects.values())
    assert secret not in caplog.text
    assert NEW not in caplog.text
    assert secret not in as_clara.get(link_page(agent)).text


def test_a_mailed_link_is_seen_by_its_user_alone(as_clara: Client, agent: User) -> None:
    answer = as_clara.post(link_page(agent), {"mail": "1"}, follow=True)

    message = Message.objects.get()
    assert (message.occasion, message.address) == (Occasion.PASSWORD_LINK, agent.username)
    assert message.context["page"].endswith("//testserver/admin/set-password/?link=")
    assert message.code not in answer.text
    desk_page = as_clara.get(f"/admin/customer_messages/message/{message.pk}/change/").text
    assert message.code not in desk_page
    assert "······" in desk_page
    assert open_link(message.code)[0] == 302


def test_past_the_limit_of_mails_no_link_is_made(
    as_clara: Client, agent: User, settings: Settings
) -> None:
    settings.MAILS_PER_HOUR = 1
    as_clara.post(link_page(agent), {"mail": "1"})
    budget.count(Channel.MAIL, agent.username)

    answer = as_clara.post(link_page(agent), {"mail": "1"}, follow=True)

    assert "The limit of 1 messages an hour" in answer.text
    assert PasswordLink.objects.count() == 1


def test_staff_without_a_mail_address_get_no_mail(as_clara: Client) -> None:
    clerk = User.objects.create_user("clerk", None, is_staff=True)

    page = as_clara.get(link_page(clerk)).text

    assert "Send by mail" not in page
    assert "Show the link" in page


def test_who_gives_whom_a_link(agent: User, clara: User, alice: User) -> None:
    administrator, other = make_staff(ADMINISTRATOR), make_staff(ADMINISTRATOR, name="other")
    viewer, more = make_staff(VIEWER), make_staff(AGENT, name="more")
    more.user_permissions.add(Permission.objects.get(codename="view_group"))
    gone = User.objects.create_user("gone@staff.example", None, is_staff=True, is_active=False)
    boss = User.objects.create_superuser("boss@staff.example", None)

    allowed = {
        (actor.username, user.username)
        for actor in (alice, viewer, agent, administrator, clara)
        for user in (alice, viewer, agent, more, administrator, other, gone, clara, boss)
        if password_links.may_give(actor, user)
    }

    # An administrator has not the right that `more` has, and nobody gives themselves a link.
    assert {user for actor, user in allowed if actor == administrator.username} == {
        viewer.username,
        agent.username,
        other.username,
    }
    assert {user for actor, user in allowed if actor == clara.username} == {
        user.username for user in (viewer, agent, more, administrator, other, boss)
    }
    assert {actor for actor, _user in allowed} == {administrator.username, clara.username}


def test_the_page_is_closed_to_whoever_may_give_no_link(agent: User, clara: User) -> None:
    desk = browser_of(agent)

    for user in (clara, agent):
        assert desk.get(link_page(user)).status_code == 403
        assert desk.post(link_page(user), {"show": "1"}).status_code == 403
    assert desk.get("/admin/accounts/user/x/password-link/").status_code == 403
    assert not PasswordLink.objects.exists()
    with pytest.raises(PermissionDenied):
        give(clara, agent)


def test_the_link_is_offered_to_whoever_may_give_it(as_clara: Client, agent: User) -> None:
    assert "Password link" in as_clara.get(f"/admin/accounts/user/{agent.pk}/change/").text
    assert "Password link" not in browser_of(agent).get("/admin/accounts/user/1/change/").text


def _promote(agent: User, _giver: User) -> None:
    agent.is_superuser = True
    agent.save()


def _close(agent: User, _giver: User) -> None:
    agent.is_active = False
    agent.save()


def _dismiss(_agent: User, giver: User) -> None:
    giver.is_active = False
    giver.save()


@pytest.mark.parametrize("happens", [_promote, _close, _dismiss])
def test_a_link_ends_with_the_right_to_give_it(agent: User, happens: object) -> None:
    giver = make_staff(ADMINISTRATOR)
    token = give(agent, giver)
    assert callable(happens)
    happens(agent, giver)

    assert open_link(token)[0] == 404


@pytest.mark.django_db(transaction=True)
def test_of_ten_requests_with_one_link_one_sets_the_password(agent: User, clara: User) -> None:
    token = give(agent, clara)
    passwords = iter([f"{NEW} {number}" for number in range(10)])
    done: list[str] = []

    def use() -> None:
        password = next(passwords)
        try:
            password_links.set_password(token, password)
        except password_links.LinkOver:
            return
        done.append(password)

    at_once(use, 10)

    agent.refresh_from_db()
    assert len(done) == 1
    assert agent.check_password(done[0])


def test_a_link_that_is_used_meanwhile_sets_no_password(
    agent: User, clara: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = give(agent, clara)
    found = password_links.find(token)
    open_link(token)
    monkeypatch.setattr("accounts.domain.password_links.find", lambda _token: found)

    with pytest.raises(password_links.LinkOver):
        password_links.set_password(token, "a third long pass phrase")

    assert opens_desk(agent, NEW)


@pytest.mark.django_db(transaction=True)
def test_of_ten_links_at_once_one_is_open(agent: User, clara: User) -> None:
    at_once(lambda: give(agent, clara), 10)

    assert PasswordLink.objects.filter(state="open").count() == 1
    assert PasswordLink.objects.count() == 10


def test_while_the_gate_is_full_the_link_stays(
    agent: User, clara: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(at_once=1, waiting=0, longest_wait=0)
    monkeypatch.setattr("accounts.domain.password_links.GATE", gate)
    token = give(agent, clara)

    with gate.enter():
        assert open_link(token)[0] == 503

    assert open_link(token)[0] == 302


def test_staff_change_their_own_password(agent: User) -> None:
    here, elsewhere = browser_of(agent), browser_of(agent)
    elsewhere.get("/admin/")

    answer = here.post("/admin/password_change/", {"current": PASSWORD, "new": NEW, "again": NEW})

    assert answer.headers["Location"] == "/admin/password_change/done/"
    assert here.get("/admin/").status_code == 200
    assert elsewhere.get("/admin/").status_code == 302
    assert opens_desk(agent, NEW)
    assert "password_changed" in kinds(agent)


@pytest.mark.parametrize(
    ("current", "new", "error"),
    [
        ("wrong", NEW, "This is not your current password."),
        (PASSWORD, "short", "too short"),
        (PASSWORD, "", "This field is required."),
    ],
)
def test_a_refused_change_at_the_desk_says_why(
    agent: User, current: str, new: str, error: str
) -> None:
    form = {"current": current, "new": new, "again": new}

    assert error in browser_of(agent).post("/admin/password_change/", form).text
    assert opens_desk(agent, PASSWORD)


def test_wrong_current_passwords_at_the_desk_are_counted(agent: User, settings: Settings) -> None:
    settings.PASSWORD_LIMIT = 3
    desk = browser_of(agent)

    for number in range(3):
        desk.post("/admin/password_change/", {"current": str(number), "new": NEW, "again": NEW})
    answer = desk.post("/admin/password_change/", {"current": PASSWORD, "new": NEW, "again": NEW})

    assert "too many wrong attempts" in answer.text
    assert opens_desk(agent, PASSWORD)


def test_a_visitor_changes_no_password_at_the_desk(client: Client) -> None:
    assert client.get("/admin/password_change/").status_code == 302


def test_no_page_of_the_desk_has_a_field_for_a_password(as_clara: Client, alice: User) -> None:
    """Not even a superuser sees or sets one. The pages are those of every registered table."""
    addresses = [f"/admin/accounts/user/{alice.pk}/change/", "/admin/accounts/user/add/"]
    for model in admin.site._registry:  # noqa: SLF001 -- no public list
        start = f"/admin/{model._meta.app_label}/{model._meta.model_name}"
        addresses += [f"{start}/", f"{start}/add/"]

    for address in addresses:
        page = as_clara.get(address)
        if page.status_code == 200:
            assert 'type="password"' not in page.text, address
            assert not re.search(r'name="[^"]*(password|hash|digest|session_key)', page.text), (
                address
            )
    assert as_clara.get(f"/admin/accounts/user/{alice.pk}/password/", follow=True).redirect_chain
    hashed = alice.password.split("$")[-1]
    assert hashed not in as_clara.get(addresses[0]).text


def test_a_superuser_s_posts_change_neither_password_nor_identifier_of_a_customer(
    as_clara: Client, alice: User
) -> None:
    before = alice.password
    wanted = {
        "username": "clara-s-own@example.com",
        "name": "Alice",
        "is_active": "on",
        "is_staff": "on",
        "is_superuser": "on",
        "password": "a pass phrase of Clara's",
        "language": "de",
    }

    as_clara.post(f"/admin/accounts/user/{alice.pk}/change/", wanted)
    as_clara.post(
        f"/admin/accounts/user/{alice.pk}/password/", {"password1": NEW, "password2": NEW}
    )

    alice.refresh_from_db()
    assert (alice.username, alice.password, alice.language) == ("alice@example.com", before, "")
    assert (alice.is_staff, alice.is_superuser) == (False, False)
    assert as_clara.post(link_page(alice), {"show": "1"}).status_code == 403


def test_the_first_administrator_is_made_on_the_command_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command("createsuperuser", "--no-input", "--username", "first@staff.example", verbosity=0)

    first = User.objects.get(username="first@staff.example")
    assert opens_desk(first, PASSWORD)
    assert (first.is_staff, first.is_superuser) == (True, True)
