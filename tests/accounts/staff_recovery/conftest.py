"""Two agents, a caller who has answered well, and an address that was proven long ago."""

import pytest
from django.utils.timezone import now

from accounts.domain import safeguards, staff_recovery
from accounts.models import Address, StaffRecovery, User
from accounts.roles import AGENT
from tests.accounts.staff_recovery.steps import REASON
from tests.accounts.test_caller_facts import give_plan, right_answers
from tests.accounts.test_password_links import make_staff


@pytest.fixture
def noor(alice: User) -> User:
    """Return an agent who speaks with a caller about Alice's account, which has a plan."""
    give_plan(alice)
    return make_staff(AGENT, name="noor")


@pytest.fixture
def omar(db: None) -> User:
    """Return another agent."""
    return make_staff(AGENT, name="omar")


@pytest.fixture
def checked(alice: User, noor: User) -> StaffRecovery:
    """Return a recovery whose caller has answered well."""
    found = staff_recovery.start(alice, actor=noor, reason=REASON)
    staff_recovery.answer(found, actor=noor, answers=right_answers(alice))
    return found


@pytest.fixture
def proven(alice: User) -> str:
    """Return an address that Alice has proven a week ago."""
    before = now() - safeguards.RECENT
    Address.objects.filter(account=alice, value=alice.username).update(proven_at=before)
    return alice.username
