"""The desk: profiles that the SM-DP+ refused in a way that staff have to look at."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import User
from esim.domain import pool, provisioning
from esim.domain.provisioning import ProfileRefused
from esim.models import Profile
from esim.states import ProfileState
from tests.builders import EID, make_pool
from tests.peer import Peer, answering, executed

LIST = "/admin/esim/profile/"


@pytest.fixture
def refused(clara: User, client: Client, settings: Settings) -> Profile:
    """Return a profile that an SM-DP+ refused, beside one that waits; Clara is signed in."""
    client.force_login(clara)
    make_pool(2)
    profile, _waits = (pool.intend(eid=EID, profile_type="consumer") for _ in range(2))
    not_ours = executed({}, "Failed", subject="8.2.1", reason="1.2")
    with answering(Peer(next=[lambda _body: not_ours])) as peer:
        settings.SMDP_URL = peer.url
        with pytest.raises(ProfileRefused):
            provisioning.make_ready(profile, before_call=lambda: None)
    return profile


def shown(client: Client, **asked: str) -> list[Profile]:
    return list(client.get(LIST, asked).context["cl"].queryset)


def test_staff_find_what_was_refused_and_why(client: Client, refused: Profile) -> None:
    assert (refused.state, len(shown(client))) == (ProfileState.REFUSED, 2)
    assert shown(client, staff="1") == [refused]
    assert "downloadOrder: 8.2.1/1.2" in client.get(LIST, {"staff": "1"}).text


def test_what_was_looked_at_is_on_the_list_no_longer(client: Client, refused: Profile) -> None:
    client.post(LIST, {"action": "looked_at", "_selected_action": refused.pk})

    assert shown(client, staff="1") == []
    assert LogEntry.objects.get().get_change_message() == "Cleared the staff alert."
    assert refused.calls.get().reason_code == "1.2"
