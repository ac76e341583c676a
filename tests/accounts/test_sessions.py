"""A sign-in ends after its time, on request, with a new password, and when staff end it."""

import pytest
import time_machine
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.access import sessions
from accounts.models import AccessEvent, SignIn, User
from tests.conftest import PASSWORD

EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/126.0 Safari/537.36 Edg/126.0"
PHONE = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36"


def sign_in(account: User, *, agent: str = EDGE, password: str = PASSWORD) -> Client:
    """Return a browser in which the account signed in by the page."""
    client = Client(headers={"user-agent": agent})
    client.post("/sign-in/", {"username": account.username, "password": password})
    return client


def is_signed_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def kinds(account: User) -> list[str]:
    return list(account.access_events.order_by("pk").values_list("kind", flat=True))


def test_a_sign_in_ends_after_a_while_without_a_request(alice: User, settings: Settings) -> None:
    with time_machine.travel("2027-03-01T10:00:00Z", tick=False) as clock:
        client = sign_in(alice)
        clock.shift(settings.SIGN_IN_IDLE - 1)
        assert is_signed_in(client)

        clock.shift(settings.SIGN_IN_IDLE)
        assert not is_signed_in(client)

    assert kinds(alice) == ["signed_in", "expired"]


def test_a_sign_in_ends_at_its_fixed_time_however_busy_it_is(
    alice: User, settings: Settings
) -> None:
    settings.SESSION_COOKIE_AGE = 2 * settings.SIGN_IN_LIFETIME
    with time_machine.travel("2027-03-01T10:00:00Z", tick=False) as clock:
        client = sign_in(alice)
        for _ in range(settings.SIGN_IN_LIFETIME // (settings.SIGN_IN_IDLE - 60)):
            clock.shift(settings.SIGN_IN_IDLE - 60)
            assert is_signed_in(client)

        clock.shift(settings.SIGN_IN_IDLE - 60)
        assert not is_signed_in(client)


def test_a_busy_sign_in_is_written_once_a_minute_at_most(alice: User) -> None:
    with time_machine.travel("2027-03-01T10:00:00Z", tick=False) as clock:
        client = sign_in(alice)
        seen = client.session[sessions.SEEN_KEY]
        clock.shift(30)
        client.get("/account/")
        assert client.session[sessions.SEEN_KEY] == seen

        clock.shift(40)
        client.get("/account/")
        assert client.session[sessions.SEEN_KEY] == seen + 70


def test_a_form_sent_too_late_is_kept_for_after_the_next_sign_in(
    alice: User, settings: Settings
) -> None:
    with time_machine.travel("2027-03-01T10:00:00Z", tick=False) as clock:
        client = sign_in(alice)
        clock.shift(settings.SIGN_IN_IDLE)
        answer = client.post("/account/security/password/", {"current": PASSWORD, "new": "x"})

        assert answer.headers["Location"].startswith("/sign-in/?next=")
        assert "You were signed out" in client.get("/sign-in/").text


def test_signing_out_elsewhere_leaves_this_browser_signed_in(alice: User, bob: User) -> None:
    here, elsewhere, of_bob = sign_in(alice), sign_in(alice, agent=PHONE), sign_in(bob)

    answer = here.post("/account/security/sign-out-others/", follow=True)

    assert "1 other device was signed out." in answer.text
    assert (is_signed_in(here), is_signed_in(elsewhere), is_signed_in(of_bob)) == (
        True,
        False,
        True,
    )
    assert kinds(alice)[-1] == "ended"


def test_a_new_password_ends_the_other_sign_ins_and_changes_the_session_key(alice: User) -> None:
    here, elsewhere = sign_in(alice), sign_in(alice, agent=PHONE)
    key, new = here.session.session_key, "another long pass phrase"

    answer = here.post("/account/security/password/", {"current": PASSWORD, "new": new})

    assert answer.headers["Location"] == "/account/security/"
    assert (is_signed_in(here), is_signed_in(elsewhere)) == (True, False)
    assert here.session.session_key != key
    assert [one.session_key for one in sessions.open_sign_ins(alice)] == [here.session.session_key]
    assert not is_signed_in(sign_in(alice))
    assert is_signed_in(sign_in(alice, password=new))
    assert {"ended", "password_changed"} < set(kinds(alice))


@pytest.mark.parametrize(
    ("current", "new", "error"),
    [
        ("not this", "another long pass phrase", "your current password"),
        (PASSWORD, "short", "too short"),
        (PASSWORD, "alice@example.co", "too similar"),
        (PASSWORD, "kestrel!", "too similar to our name"),
        ("", "another long pass phrase", "This field is required"),
    ],
)
def test_a_refused_new_password_says_why_and_is_not_shown(
    alice: User, current: str, new: str, error: str
) -> None:
    client = sign_in(alice)

    answer = client.post("/account/security/password/", {"current": current, "new": new})
    page = client.get(answer.headers["Location"]).text

    assert error in page
    assert f'value="{new}"' not in page
    assert is_signed_in(sign_in(alice))


def test_the_page_lists_sign_ins_and_events(alice: User) -> None:
    sign_in(alice, agent=PHONE)
    sign_in(alice, password="wrong")
    sign_in(alice, password="wrong again")

    page = sign_in(alice).get("/account/security/").text

    assert "Chrome, Android" in page
    assert "Edge, Windows" in page
    assert page.count("This device") == 1
    assert "Sign out all other devices" in page
    assert AccessEvent.objects.get(kind="refused").count == 2


def test_the_desk_lists_what_happened_and_how_often(alice: User, clara: User) -> None:
    sign_in(alice, password="wrong")
    sign_in(alice, password="wrong again")
    desk = Client()
    desk.force_login(clara)

    page = desk.get(f"/admin/accounts/accessevent/?q={alice.username}").text

    assert "Sign-in with a wrong password (2)" in page


def test_an_unknown_browser_is_called_so(alice: User) -> None:
    assert "Unknown browser" in sign_in(alice, agent="curl/8").get("/account/security/").text


def test_a_get_of_an_action_only_leads_to_the_page(as_alice: Client) -> None:
    answer = as_alice.get("/account/security/sign-out-others/")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/account/security/")


def test_signing_out_ends_the_sign_in(alice: User) -> None:
    client = sign_in(alice)
    key = client.session.session_key

    client.post("/leave/")

    assert SignIn.objects.get(session_key=key).ended_at is not None
    assert kinds(alice) == ["signed_in", "signed_out"]


def test_staff_sign_a_customer_out_everywhere(alice: User, clara: User) -> None:
    client, desk = sign_in(alice), Client()
    desk.force_login(clara)

    answer = _end_by_action(desk, alice)

    assert "1 accounts: 1 sign-ins were ended." in answer
    assert not is_signed_in(client)
    assert kinds(alice)[-1] == "ended_by_staff"
    assert alice.access_events.get(kind="ended_by_staff").actor == clara


def test_only_a_superuser_signs_staff_out(clara: User, agent: User) -> None:
    desk = Client()
    desk.force_login(agent)

    answer = _end_by_action(desk, clara)

    assert "Only a superuser can sign staff out." in answer
    assert kinds(clara) == []


@pytest.fixture
def agent(db: None) -> User:
    """Return a support agent."""
    from django.contrib.auth.models import Group  # noqa: PLC0415 -- models are not there at import

    user = User.objects.create_user("agent@example.com", PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name="agent"))
    return user


def _end_by_action(desk: Client, account: User) -> str:
    form = {"action": "sign_out_everywhere", "_selected_action": account.pk}
    return desk.post("/admin/accounts/user/", form, follow=True).text


def test_the_menu_s_language_is_kept_in_the_account(as_alice: Client, alice: User) -> None:
    as_alice.post("/language/", {"language": "de"})
    as_alice.post("/language/", {"language": "de"})

    alice.refresh_from_db()
    assert alice.language == "de"
    assert kinds(alice).count("language_changed") == 1
    assert 'lang="de"' in sign_in(alice).get("/account/").text


def test_the_language_of_the_sign_up_page_is_no_choice(client: Client, alice: User) -> None:
    typed = {"username": "new@example.com", "name": "New", "password": PASSWORD}
    client.post("/sign-up/", typed, headers={"accept-language": "de"})

    new = User.objects.get(username="new@example.com")
    assert (new.language, new.page_language) == ("", "de")
    assert 'lang="ar"' in client.get("/account/", headers={"accept-language": "ar"}).text
