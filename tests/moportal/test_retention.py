"""`moportal.retention`: every table has its time, and only rows whose time is over are deleted."""

from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import User
from mobileplans.models import Handoff, LpaReport, Visit
from moportal import retention
from moportal.retention import Follows
from orders.models import Draft
from outbox import purging
from outbox.domain import RetryAfter, enqueue, process
from outbox.models import Task
from outbox.tasks import request_purge
from tests.builders import make_draft, make_method, make_operator, make_visit
from tests.conftest import PASSWORD
from tests.processing import process_task

DAY = timedelta(days=1)


def test_every_table_has_its_retention() -> None:
    tables = {model._meta.label for model in apps.get_models()}

    assert {label for label, _rule in retention.registered()} == tables


def test_a_table_that_follows_another_one_ends_at_a_table_with_a_time() -> None:
    rules = dict(retention.registered())

    followers = [rule for rule in rules.values() if isinstance(rule, Follows)]
    assert len(followers) > 1
    for follower in followers:
        leader = rules[follower.leader]
        while isinstance(leader, Follows):
            leader = rules[leader.leader]
        assert leader.model._meta.label in retention.purged()


def test_strangers_visits_beyond_the_limit_are_deleted_within_the_hour(
    db: None, settings: Settings
) -> None:
    settings.STRANGER_VISITS = 3
    for _ in range(7):
        make_operator()
        Client().post("/leave/")
    with_help, *_others = Visit.objects.order_by("pk")
    LpaReport.objects.create(visit=with_help, code="CardBusy", asked_for_help_at=now())
    assert retention.purge("mobileplans.Visit") == 0

    Visit.objects.update(launched_at=now() - timedelta(hours=2))
    before = list(Visit.objects.order_by("pk"))

    assert "mobileplans.Visit" in retention.hourly()
    assert retention.purge("mobileplans.Visit") == 3
    assert retention.purge("mobileplans.Visit") == 0
    assert list(Visit.objects.order_by("pk")) == [before[0], *before[4:]]
    assert Handoff.objects.count() == 4


def test_an_account_that_was_never_used_is_deleted(
    alice: User, bob: User, clara: User, settings: Settings
) -> None:
    settings.SUPPORT_DAYS = 10
    browser = Client()
    form = {"name": "Eve", "username": "eve@example.com", "password": PASSWORD}
    browser.post("/sign-up/", form)
    eve = User.objects.get(username="eve@example.com")
    make_method(alice)
    bob.addresses.update(proven_at=now())
    User.objects.update(created_at=now() - 11 * DAY)
    assert retention.purge("accounts.User") == 0

    User.objects.update(last_login=now() - 11 * DAY)
    Visit.objects.filter(account=eve).delete()

    assert retention.purge("accounts.User") == 1
    assert set(User.objects.all()) == {alice, bob, clara}


def test_an_open_draft_that_no_visit_uses_is_deleted(alice: User, settings: Settings) -> None:
    settings.SUPPORT_DAYS = 10
    draft = make_draft(alice)
    assert retention.purge("orders.Draft") == 0

    Visit.objects.filter(pk=draft.visit_id).update(launched_at=now() - 11 * DAY)

    assert retention.purge("orders.Draft") == 1


def make_task(*, closed: timedelta | None) -> Task:
    at = now() - closed if closed else None
    count = Task.objects.count()
    return Task.objects.create(kind="x", subject=str(count), not_before=now(), closed_at=at)


def test_only_rows_whose_time_is_over_are_deleted(db: None, settings: Settings) -> None:
    settings.TASK_DAYS = 7
    young, still_open = make_task(closed=6 * DAY), make_task(closed=None)
    make_task(closed=8 * DAY)

    assert retention.purge("outbox.Task") == 1
    assert retention.purge("outbox.Task") == 0
    assert set(Task.objects.all()) == {young, still_open}


def test_one_call_deletes_one_batch(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    for _ in range(3):
        make_task(closed=8 * DAY)

    assert [retention.purge("outbox.Task") for _ in range(3)] == [2, 1, 0]


def test_a_table_without_a_time_is_never_purged(alice: User) -> None:
    assert retention.purge("accounts.User") == 0
    assert retention.purge("no.Table") == 0
    assert User.objects.get() == alice


def test_an_ended_session_is_deleted(db: None) -> None:
    for number, age in enumerate([-DAY, DAY]):
        Session.objects.create(session_key=str(number), session_data="", expire_date=now() - age)

    retention.purge("sessions.Session")

    assert Session.objects.get().session_key == "0"


def make_left_visit(account: User | None, *, age: timedelta) -> Visit:
    """Create a visit with an LPA error and a handoff, all of this age."""
    visit = make_visit(account=account)
    at = now() - age
    LpaReport.objects.create(visit=visit, code="Other", code_as_sent="x")
    Handoff.objects.create(
        visit=visit,
        account=account,
        token_hash=str(visit.pk),
        language="en",
        expires_at=at,
        success=False,
        user_account="None",
        purchase_instrument="None",
        line="None",
        mo_direct_status="None",
    )
    Visit.objects.filter(pk=visit.pk).update(launched_at=at)
    LpaReport.objects.filter(visit=visit).update(received_at=at)
    Handoff.objects.filter(visit=visit).update(created_at=at)
    return visit


def purge_everything() -> None:
    for _ in range(3):
        for label in retention.purged():
            retention.purge(label)


def test_a_strangers_visit_goes_sooner_than_a_customers(alice: User) -> None:
    hers, old = make_left_visit(alice, age=3 * DAY), make_left_visit(alice, age=181 * DAY)
    strangers, recent = make_left_visit(None, age=3 * DAY), make_left_visit(None, age=DAY)

    purge_everything()

    assert set(Visit.objects.all()) == {hers, recent}
    assert Handoff.objects.count() == LpaReport.objects.count() == 2
    assert not LpaReport.objects.filter(visit__in=[strangers, old]).exists()


def test_a_stranger_who_asked_for_help_is_not_forgotten_soon(db: None) -> None:
    visit = make_left_visit(None, age=3 * DAY)
    LpaReport.objects.update(asked_for_help_at=now() - 3 * DAY)

    purge_everything()

    assert Visit.objects.get() == visit
    assert LpaReport.objects.count() == 1


def test_a_visit_to_which_a_draft_refers_stays(alice: User) -> None:
    draft = make_draft(alice)
    Draft.objects.update(submitted_at=now())
    Visit.objects.update(launched_at=now() - 1000 * DAY)

    purge_everything()

    assert Visit.objects.get() == draft.visit


def test_a_task_for_each_table_deletes_until_nothing_is_left(db: None) -> None:
    request_purge()
    request_purge()
    subjects = list(Task.objects.filter(kind=purging.KIND).values_list("subject", flat=True))
    assert sorted(subjects) == sorted(retention.purged())
    make_task(closed=8 * DAY)

    assert isinstance(purging.purge("outbox.Task", _lease=None), RetryAfter)  # type: ignore[arg-type]  # not used
    assert purging.purge("outbox.Task", _lease=None) is None  # type: ignore[arg-type]  # not used


def test_a_table_is_purged_once_a_day_and_a_fast_one_every_hour(db: None) -> None:
    def enqueued() -> set[str]:
        request_purge()
        tasks = Task.objects.filter(kind=purging.KIND, closed_at=None)
        labels = set(tasks.values_list("subject", flat=True))
        tasks.update(closed_at=now())
        return labels

    assert enqueued() == set(retention.purged())
    assert enqueued() == {"balance_api.AnsweredTransaction", "mobileplans.Visit"}

    Task.objects.update(closed_at=now() - DAY)
    assert enqueued() == set(retention.purged())


def test_a_table_that_fails_does_not_stop_the_others(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def purge(label: str) -> int:
        if label == "outbox.Task":
            raise ZeroDivisionError
        return 0

    monkeypatch.setattr(retention, "purge", purge)
    request_purge()
    for task in Task.objects.all():
        process(task.pk)

    assert list(Task.objects.filter(closed_at=None).values_list("subject", flat=True)) == [
        "outbox.Task"
    ]


def test_the_handler_of_the_outbox_purges(db: None) -> None:
    make_task(closed=8 * DAY)
    enqueue(purging.KIND, "outbox.Task")

    assert process_task(purging.KIND, "outbox.Task") == RetryAfter(timedelta())
