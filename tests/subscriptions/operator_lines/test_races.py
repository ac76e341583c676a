"""Two workers at one line: PostgreSQL's locks decide, and no line is doubled or lost."""

from collections.abc import Callable

import pytest
from django.db import connection

from accounts.models import Proof, User
from subscriptions.models import Line, LineLink, OperatorLine, Subscription
from tests.races import at_once
from tests.subscriptions.operator_lines.steps import newest_link, prove, refresh, work

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer"),
]


def test_two_workers_write_one_line(alice: User, customers: str) -> None:
    prove(alice)

    results = at_once(lambda: work(alice), 4)

    assert Line.objects.filter(account=alice).count() == 1
    assert OperatorLine.objects.count() == 1
    assert Subscription.objects.count() == 1
    assert newest_link(alice).state == "linked"
    assert [one for one in results if isinstance(one, Exception)] == []


def test_two_accounts_that_prove_a_number_at_once_leave_one_line(
    alice: User, bob: User, customers: str
) -> None:
    accounts = iter([alice, bob])

    def prove_and_work() -> None:
        account = next(accounts)
        prove(account)
        work(account)

    results = at_once(prove_and_work, 2)

    assert [one for one in results if isinstance(one, Exception)] == []
    proof = Proof.objects.get(ended_at=None)
    assert OperatorLine.objects.get().line.account == proof.account
    assert {link.state for link in LineLink.objects.all()} <= {"linked", "refused"}


def test_a_refresh_and_a_new_owner_do_not_mix(alice: User, bob: User, customers: str) -> None:
    prove(alice)
    work(alice)
    prove(bob)

    results = at_once(in_turn(lambda: work(bob), refresh), 2)

    assert [one for one in results if isinstance(one, Exception)] == []
    kept = OperatorLine.objects.get()
    assert kept.line.account == bob
    assert Subscription.objects.get().line == kept.line
    assert kept.line.sims.filter(until=None).count() == 1


def in_turn(*actions: Callable[[], object]) -> Callable[[], object]:
    """Return a function that does the next of these actions at each call."""
    left = iter(actions)

    def do_next() -> object:
        return next(left)()

    return do_next
