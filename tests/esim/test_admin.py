"""The desk: profiles with an answer of the SM-DP+ that staff must check."""

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
    """Sign Clara in, and return a profile that an SM-DP+ refused. Another profile waits."""
    client.force_login(clara)
    make_pool(2)
    profile, _waits = (pool.intend(eid=EID, profile_type="consumer") for _ in range(2))
    not_allowed = executed({}, "Failed", subject="8.2.1", reason="1.2")
    with answering(Peer(next=[lambda _body: not_allowed])) as peer:
        settings.SMDP_URL = peer.url
        with pytest.raises(ProfileRefused):
            provisioning.make_ready(profile, before_call=lambda: None)
    return profile


def listed(client: Client, **filters: str) -> list[Profile]:
    return list(client.get(LIST, filters).context["cl"].queryset)


def test_staff_find_refused_profiles_and_the_reason(client: Client, refused: Profile) -> None:
    assert (refused.state, len(listed(client))) == (ProfileState.REFUSED, 2)
    assert listed(client, staff="1") == [refused]
    assert "downloadOrder: 8.2.1/1.2" in client.get(LIST, {"staff": "1"}).text


def test_a_profile_whose_alert_was_cleared_is_not_listed_any_more(
    client: Client, refused: Profile
) -> None:
    client.post(LIST, {"action": "clear_staff_alert", "_selected_action": refused.pk})

    assert listed(client, staff="1") == []
    assert LogEntry.objects.get().get_change_message() == "Cleared the staff alert."
    assert refused.calls.get().reason_code == "1.2"
