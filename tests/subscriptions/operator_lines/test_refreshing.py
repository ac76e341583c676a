"""`subscriptions.domain.operator_lines`: a linked line follows the customer system."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
import time_machine
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import AccountMessage, User
from esim.models import IccidRange, Sim
from esim.states import SimState
from messages.states import Occasion
from outbox.domain import Lease
from subscriptions.balances import BalancesTooOld, BalanceType, balances
from subscriptions.customers.base import CustomerSystemRefused, LineOnRecord, Reason
from subscriptions.domain import claims, lifecycle, operator_lines, usage
from subscriptions.models import (
    Bucket,
    CustomerCall,
    Line,
    OperatorLine,
    SimOnLine,
    Subscription,
    Takeover,
)
from subscriptions.usable_buckets import NoGuard, read_by_orm, read_by_statement
from tests.builders import make_card, make_plan, make_pool
from tests.customers import GB, change_line, plan
from tests.providers import break_it
from tests.subscriptions.operator_lines.steps import (
    ICCID,
    link_line,
    refresh,
)
from tests.subscriptions.usages import give, said

pytestmark = pytest.mark.django_db
Proof = SimOnLine.Proof
DAY = timedelta(days=1)
OTHER_ICCID = "8944999100000000077"


def left(iccid: str = ICCID) -> list[tuple[str, int]]:
    """Return the types and bytes that Get Balance answers."""
    found = balances(iccid, location=None, at=now())
    return [(one.type, one.left_bytes) for one in found]


def sims_on(line: Line) -> dict[str, str]:
    stays = line.sims.filter(until=None).select_related("sim")
    return {stay.sim.iccid: stay.proof for stay in stays}


def test_get_balance_answers_what_the_operator_said(alice: User, customers: str) -> None:
    link_line(alice)

    assert left() == [(BalanceType.METERED, 31 * GB)]


def test_a_refresh_brings_new_balances_and_repeats_itself(
    alice: User, customers: str, settings: Settings
) -> None:
    settings.LINE_BALANCE_REFRESH = 7
    link_line(alice)
    bucket = Bucket.objects.get()
    change_line(customers, "metered", plans=[plan(leftBytes=5 * GB)])

    answer = refresh()

    assert answer is not None
    assert answer.delay == timedelta(minutes=7)
    assert left() == [(BalanceType.METERED, 5 * GB)]
    assert Bucket.objects.get().pk == bucket.pk
    call = CustomerCall.objects.latest("pk")
    assert (call.operation, call.outcome) == ("balance", "answered")


def test_an_unlimited_plan_is_shared_by_the_sims_of_its_line(alice: User, customers: str) -> None:
    line = link_line(alice, "+12025550143")

    first, second = sims_on(line)
    assert left(first) == left(second) == [(BalanceType.WITHOUT_COUNT, 0)]


def test_what_is_used_up_is_none(alice: User, customers: str) -> None:
    line = link_line(alice, "+12025550144")

    assert left(*sims_on(line)) == [(BalanceType.NONE, 0)]


@pytest.mark.parametrize("fault", ["drop_before", "http_500", "html", "malformed"])
def test_what_is_stored_counts_until_the_age_limit(
    alice: User, customers: str, settings: Settings, fault: str
) -> None:
    settings.LINE_BALANCE_AGE = 60
    link_line(alice)
    break_it(customers, "balance", fault, times=9)

    assert refresh() is not None
    assert OperatorLine.objects.get().tries == 1
    at = OperatorLine.objects.get().balances_at
    with time_machine.travel(at + timedelta(minutes=60), tick=False):
        assert left() == [(BalanceType.METERED, 31 * GB)]
    too_late = time_machine.travel(at + timedelta(minutes=60, seconds=1), tick=False)
    with too_late, pytest.raises(BalancesTooOld):
        left()


def test_an_old_none_is_no_answer_either(alice: User, customers: str) -> None:
    line = link_line(alice, "+12025550144")

    with time_machine.travel(now() + DAY), pytest.raises(BalancesTooOld):
        left(*sims_on(line))


def test_a_sim_outside_the_programme_is_not_supported_however_old_its_balances_are(
    alice: User, customers: str
) -> None:
    link_line(alice)
    Sim.objects.update(is_in_programme=False)

    with time_machine.travel(now() + DAY):
        assert left() == [(BalanceType.NOT_SUPPORTED, 0)]


def test_the_statement_and_the_orm_read_the_same(alice: User, customers: str) -> None:
    link_line(alice)
    give(Line.objects.create(account=alice), now() - DAY, now() + DAY)
    card = make_card()

    for iccid in (ICCID, card.iccid, "8944"):
        at = now()
        by_orm = read_by_orm(iccid, at=at, guard=NoGuard())
        assert read_by_statement(iccid, at=at, guard=NoGuard()) == by_orm
    assert read_by_orm(ICCID, at=now(), guard=NoGuard()).balances_at is not None


def test_an_accepted_refresh_is_asked_about_again(alice: User, customers: str) -> None:
    link_line(alice)
    break_it(customers, "balance", "pending", seconds=3)

    answer = refresh()

    assert answer is not None
    assert answer.delay == timedelta(seconds=3)
    refresh()
    first, second = CustomerCall.objects.filter(operation="balance")
    assert first.key == second.key


def test_a_refusal_for_the_moment_keeps_the_line(
    alice: User, customers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    link_line(alice)
    refused = CustomerSystemRefused(Reason.REFUSED)
    monkeypatch.setattr(operator_lines, "ask", _raise(refused))

    answer = refresh()

    assert answer is not None
    assert answer.delay >= timedelta(minutes=10)
    assert OperatorLine.objects.get().tries == 1


def _raise(error: Exception) -> Callable[..., Any]:
    def fail(*_args: object) -> None:
        raise error

    return fail


def test_without_a_customer_system_the_task_waits(
    alice: User, customers: str, settings: Settings
) -> None:
    link_line(alice)
    settings.CUSTOMER_SYSTEM = ""

    assert refresh() is not None
    assert not CustomerCall.objects.filter(operation="balance").exists()


def test_a_line_that_is_gone_leaves_the_account(alice: User, customers: str) -> None:
    line = link_line(alice)
    give(line, now() - DAY, now() + DAY, total=GB)
    kept = OperatorLine.objects.get()
    httpx.delete(f"{customers}/books/lines/metered", trust_env=False).raise_for_status()

    assert refresh() is None
    assert not OperatorLine.objects.exists()
    assert sims_on(line) == {}
    assert left() == [(BalanceType.NONE, 0)]
    states = line.subscriptions.values_list("master", "state")
    assert set(states) == {("operator", "ended"), ("portal", "active")}
    lease = Lease(0, "x")
    assert operator_lines.refresh(str(kept.pk), lease) is None


def test_a_line_that_was_linked_again_meanwhile_is_not_unlinked(
    alice: User, customers: str
) -> None:
    link_line(alice)
    seen_before = OperatorLine.objects.get()
    OperatorLine.objects.update(balances_at=now())

    operator_lines.unlink(seen_before)

    assert OperatorLine.objects.exists()


def test_an_older_answer_does_not_replace_a_newer_one(alice: User, customers: str) -> None:
    link_line(alice)
    kept = OperatorLine.objects.get()
    found = LineOnRecord("metered", "+12025550142", False, None, (), ())  # noqa: FBT003 -- its fields

    operator_lines._update(kept, found, kept.balances_at)  # noqa: SLF001 -- a worker that was slow

    assert left() == [(BalanceType.METERED, 31 * GB)]


def test_a_plan_that_is_gone_ends(alice: User, customers: str) -> None:
    link_line(alice)
    change_line(customers, "metered", plans=[plan(reference="new", leftBytes=GB)])
    refresh()

    assert left() == [(BalanceType.METERED, GB)]
    gone = Subscription.objects.get(reference="metered/m")
    assert gone.state == "ended"
    usable_until = gone.periods.get().usable_until
    assert usable_until is not None
    assert usable_until <= now()


def test_a_plan_may_lose_its_count(alice: User, customers: str) -> None:
    link_line(alice)
    change_line(customers, "metered", plans=[plan(totalBytes=None)])
    refresh()

    assert left() == [(BalanceType.WITHOUT_COUNT, 0)]


def test_a_new_sim_comes_onto_the_line_and_the_old_one_leaves(alice: User, customers: str) -> None:
    line = link_line(alice)
    change_line(customers, "metered", sims=[OTHER_ICCID])
    refresh()

    assert sims_on(line) == {OTHER_ICCID: Proof.OPERATOR}


def test_a_sim_that_the_portal_does_not_know_follows_the_ranges(
    alice: User, customers: str
) -> None:
    IccidRange.objects.create(first=ICCID, last=ICCID, is_in_programme=False)
    link_line(alice)

    sim = Sim.objects.get(iccid=ICCID)
    assert (sim.kind, sim.state, sim.is_in_programme) == ("physical", SimState.IN_USE, False)


def test_a_profile_of_the_stock_is_no_longer_free(alice: User, customers: str) -> None:
    [profile] = make_pool(1)
    change_line(customers, "metered", sims=[profile.iccid])
    link_line(alice)

    profile.refresh_from_db()
    assert profile.state == SimState.IN_USE


def test_the_customers_own_line_of_the_sim_becomes_the_operators(
    alice: User, customers: str
) -> None:
    card = make_card()
    sold = lifecycle.prepare(alice, sim=card, plan=make_plan(), plan_name="x", reference="R1")
    change_line(customers, "metered", sims=[card.iccid])

    line = link_line(alice)

    assert line == sold.line
    assert sims_on(line) == {card.iccid: Proof.OPERATOR}
    assert {one.master for one in line.subscriptions.all()} == {"portal", "operator"}


def test_a_sim_stays_where_the_customer_has_bought_a_plan_for_it(
    alice: User, customers: str
) -> None:
    card = make_card()
    line = link_line(alice)
    sold = lifecycle.prepare(alice, sim=card, plan=make_plan(), plan_name="x", reference="R1")
    change_line(customers, "metered", sims=[ICCID, card.iccid])
    refresh()
    assert sims_on(line) == {ICCID: Proof.OPERATOR}

    lifecycle.start(sold, at=now())
    lifecycle.end(sold)
    refresh()

    assert set(sims_on(line)) == {ICCID, card.iccid}


@pytest.mark.parametrize("proof", [Proof.ISSUED, Proof.STAFF])
def test_a_sim_that_the_portal_gave_to_another_customer_stays_there(
    alice: User, bob: User, customers: str, proof: SimOnLine.Proof
) -> None:
    card = make_card()
    stay = lifecycle.put_on_new_line(bob, card, proof=proof)
    change_line(customers, "metered", sims=[card.iccid])
    line = link_line(alice)

    assert sims_on(line) == {}
    assert sims_on(stay.line) == {card.iccid: proof}


@pytest.mark.parametrize("proof", [Proof.NONE, Proof.PROVEN])
def test_whoever_bought_a_plan_for_the_sim_of_the_line_is_told(
    alice: User, bob: User, customers: str, proof: SimOnLine.Proof
) -> None:
    card = make_card()
    sold = lifecycle.prepare(
        bob, sim=card, plan=make_plan(), plan_name="x", reference="R1", proof=proof
    )
    change_line(customers, "metered", sims=[card.iccid])
    line = link_line(alice)

    assert sims_on(line) == {card.iccid: Proof.OPERATOR}
    takeover = Takeover.objects.get()
    assert (takeover.old.line, takeover.new.line) == (sold.line, line)
    told = AccountMessage.objects.get(account=bob)
    assert told.occasion == Occasion.SIM_TAKEN_OVER
    assert Subscription.objects.get(reference="R1").line.account == bob


def test_a_sim_on_a_line_without_plans_just_moves(alice: User, bob: User, customers: str) -> None:
    card = make_card()
    lifecycle.put_on_new_line(bob, card, proof=Proof.NONE)
    change_line(customers, "metered", sims=[card.iccid])
    line = link_line(alice)

    assert sims_on(line) == {card.iccid: Proof.OPERATOR}
    assert not Takeover.objects.exists()


def test_who_loses_the_line_keeps_the_plans_of_the_portal(
    alice: User, bob: User, customers: str
) -> None:
    first = link_line(alice)
    own = give(first, now() - DAY, now() + DAY)
    issued = make_card()
    SimOnLine.objects.create(line=first, sim=issued, since=now(), proof=Proof.ISSUED)

    second = link_line(bob)

    own.period.refresh_from_db()
    assert own.period.line == own.period.subscription.line == first
    assert sims_on(first) == {issued.iccid: Proof.ISSUED}
    assert sims_on(second) == {ICCID: Proof.OPERATOR}
    assert left(issued.iccid) == [(BalanceType.METERED, GB)]
    assert claims.lost_lines(alice) == set()
    assert left() == [(BalanceType.METERED, 31 * GB)]


def test_sims_that_left_the_line_do_not_stay_with_the_former_account(
    alice: User, bob: User, customers: str
) -> None:
    first = link_line(alice)
    change_line(customers, "metered", sims=[OTHER_ICCID])
    second = link_line(bob)

    assert sims_on(first) == {}
    assert sims_on(second) == {OTHER_ICCID: Proof.OPERATOR}


def test_usage_records_are_not_taken_from_the_operators_plans(
    alice: User, customers: str, settings: Settings
) -> None:
    line = link_line(alice)
    own = give(line, now() - DAY, now() + DAY, total=GB)
    SimOnLine.objects.update(since=now() - DAY)

    usage.store_records("charging", [said("1", ICCID, now() - DAY / 2, 300)], now())

    own.refresh_from_db()
    assert own.used_bytes == 300
    assert (BalanceType.METERED, 31 * GB) in left()
