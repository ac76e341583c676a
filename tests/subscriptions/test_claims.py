"""`subscriptions.domain.claims`: the customer who proves that a SIM is theirs gets it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils.timezone import now

from accounts.access import limiter
from accounts.access.limiter import Locked
from accounts.models import AttemptCount, User
from esim.models import Sim
from messages.models import Message
from messages.states import Occasion
from outbox.models import Task
from subscriptions.domain import activation, claims, lifecycle
from subscriptions.models import Line, SimOnLine, Subscription, Takeover
from tests.builders import make_card, make_plan
from tests.processing import process_task
from tests.providers import books, break_it
from tests.races import at_once

pytestmark = pytest.mark.django_db
Proof = SimOnLine.Proof
RIGHT = "0415"


@pytest.fixture
def card(db: None) -> Sim:
    sim = make_card()
    Sim.objects.filter(pk=sim.pk).update(puk_ending=RIGHT)
    return Sim.objects.get(pk=sim.pk)


@pytest.fixture
def claimed(bob: User, card: Sim) -> Subscription:
    """Return the plan that Bob bought for a SIM card that he has only named."""
    return lifecycle.prepare(bob, sim=card, plan=make_plan(), plan_name="x", reference="R1")


def owner_of(card: Sim) -> tuple[str, str]:
    on_line = SimOnLine.objects.select_related("line__account").get(sim=card, until=None)
    return on_line.line.account.name, on_line.proof


def guess_wrong(account: User, card: Sim, times: int, *, first: int = 0) -> None:
    for number in range(first, first + times):
        with pytest.raises(claims.WrongProof):
            claims.prove(account, card, answer=f"{number:04d}")


def test_a_sim_that_was_only_named_is_nobodys_exclusively(
    claimed: Subscription, card: Sim, alice: User, bob: User
) -> None:
    assert owner_of(card) == ("Bob", Proof.NONE)
    assert claims.provable_sims(alice, [card.iccid]) == [card]
    assert claims.provable_sims(alice, []) == []
    assert claims.provable_sims(bob, []) == [card]


def test_a_second_customer_who_proves_the_sim_gets_it(
    claimed: Subscription, card: Sim, alice: User, bob: User
) -> None:
    claims.prove(alice, card, answer=RIGHT)

    assert owner_of(card) == ("Alice", Proof.PROVEN)
    takeover = Takeover.objects.get()
    assert (takeover.old.line, takeover.new.line.account) == (claimed.line, alice)
    assert takeover.old.until is not None
    assert claims.lost_sims(bob) == [takeover]
    assert claims.lost_sims(alice) == []
    assert not AttemptCount.objects.exists()


def test_the_first_customer_is_told_once(
    claimed: Subscription, card: Sim, alice: User, bob: User
) -> None:
    claims.prove(alice, card, answer=RIGHT)
    claims.prove(alice, card, answer=RIGHT)

    [message] = Message.objects.all()
    assert (message.occasion, message.address) == (Occasion.SIM_TAKEN_OVER, bob.username)
    assert message.context == {"last4": card.iccid[-4:], "name": "Bob"}


def test_the_first_customer_may_prove_it_too_and_then_keeps_it(
    claimed: Subscription, card: Sim, alice: User, bob: User
) -> None:
    claims.prove(bob, card, answer=RIGHT)

    assert owner_of(card) == ("Bob", Proof.PROVEN)
    assert claims.provable_sims(alice, [card.iccid]) == []
    with pytest.raises(lifecycle.SimOfAnother):
        claims.prove(alice, card, answer=RIGHT)
    assert not Takeover.objects.exists()


def test_a_sim_on_no_line_goes_to_the_customer_who_proves_it(card: Sim, alice: User) -> None:
    claims.prove(alice, card, answer=RIGHT)

    assert owner_of(card) == ("Alice", Proof.PROVEN)
    assert not Takeover.objects.exists()


def test_a_sim_without_a_known_puk_cannot_be_proven(
    claimed: Subscription, card: Sim, alice: User
) -> None:
    Sim.objects.update(puk_ending="")

    assert claims.provable_sims(alice, [card.iccid]) == []


def test_five_wrong_answers_close_the_sim_to_the_customer_who_gave_them(
    claimed: Subscription, card: Sim, alice: User, clara: User
) -> None:
    guess_wrong(alice, card, 5)

    with pytest.raises(Locked) as refused:
        claims.prove(alice, card, answer=RIGHT)
    assert refused.value.seconds is None
    assert owner_of(card) == ("Bob", Proof.NONE)

    lock = AttemptCount.objects.get(limit="sim-proof")
    assert card.iccid in lock.subject
    limiter.lift(lock, actor=clara)
    AttemptCount.objects.get(limit="sim-proof-account").delete()
    claims.prove(alice, card, answer=RIGHT)
    assert owner_of(card) == ("Alice", Proof.PROVEN)


def test_a_stranger_who_guesses_does_not_shut_the_owner_out(
    claimed: Subscription, card: Sim, alice: User
) -> None:
    guess_wrong(User.objects.create_user("mallory@example.com"), card, 5)

    claims.prove(alice, card, answer=RIGHT)

    assert owner_of(card) == ("Alice", Proof.PROVEN)


def test_twenty_wrong_answers_of_many_accounts_close_the_sim_to_everybody(
    claimed: Subscription, card: Sim, alice: User, clara: User
) -> None:
    for number in range(4):
        guesser = User.objects.create_user(f"mallory{number}@example.com")
        guess_wrong(guesser, card, 5, first=5 * number)

    with pytest.raises(Locked) as refused:
        claims.prove(alice, card, answer=RIGHT)
    assert refused.value.seconds is None

    limiter.lift(AttemptCount.objects.get(subject=f"sim:{card.iccid}"), actor=clara)
    claims.prove(alice, card, answer=RIGHT)
    assert owner_of(card) == ("Alice", Proof.PROVEN)


def test_an_account_that_tries_many_sims_must_wait(alice: User) -> None:
    guess_wrong(alice, make_card(), 3)
    guess_wrong(alice, make_card(), 2)
    other = make_card()

    with pytest.raises(Locked) as refused:
        claims.prove(alice, other, answer=RIGHT)

    assert refused.value.seconds is not None
    assert claims.find_lock(alice, other) is not None
    assert not AttemptCount.objects.filter(subject=f"sim:{other.iccid}").exists()


def test_a_proven_sim_stays_when_its_order_comes_to_nothing(card: Sim, alice: User) -> None:
    claims.prove(alice, card, answer=RIGHT)
    sold = lifecycle.prepare(alice, sim=card, plan=make_plan(), plan_name="x", reference="R2")

    lifecycle.cancel(sold)

    assert owner_of(card) == ("Alice", Proof.PROVEN)


def test_a_named_sim_leaves_the_line_when_its_order_comes_to_nothing(
    claimed: Subscription, card: Sim
) -> None:
    lifecycle.cancel(claimed)

    assert not SimOnLine.objects.filter(sim=card, until=None).exists()


def test_an_issued_esim_is_the_customers(alice: User, card: Sim) -> None:
    issued = {"sim": card, "plan": make_plan(), "plan_name": "x", "reference": "R3"}

    lifecycle.prepare(alice, **issued, proof=Proof.ISSUED)  # type: ignore[arg-type]  # of many types

    assert owner_of(card) == ("Alice", Proof.ISSUED)
    assert claims.provable_sims(alice, [card.iccid]) == []


@pytest.fixture
def live(claimed: Subscription, card: Sim, network: str) -> Subscription:
    """Return Bob's plan, active in the network."""
    activation.activate(claimed, card, before_call=lambda: None)
    return claimed


def services(network: str) -> list[tuple[str, str]]:
    return [(one["reference"], one["state"]) for one in books(network)["services"]]


@pytest.mark.processes
def test_the_first_customers_plan_is_ended_on_the_sim(
    live: Subscription, card: Sim, alice: User, network: str
) -> None:
    claims.prove(alice, card, answer=RIGHT)
    takeover = Takeover.objects.get()
    break_it(network, "end", "http_500")

    retry = process_task(claims.KIND, takeover.pk)
    takeover.refresh_from_db()
    assert (retry is not None, takeover.tries, takeover.ended_at) == (True, 1, None)

    assert process_task(claims.KIND, takeover.pk) is None
    takeover.refresh_from_db()
    assert takeover.ended_at is not None
    assert services(network) == [("R1", "ended")]


def test_a_plan_that_renews_is_not_charged_again_on_a_sim_of_another(
    bob: User, card: Sim, alice: User, network: str
) -> None:
    monthly = make_plan(category="recurring")
    sold = lifecycle.prepare(bob, sim=card, plan=monthly, plan_name="x", reference="R1")
    activation.activate(sold, card, before_call=lambda: None)
    lifecycle.start(sold, at=now())
    claims.prove(alice, card, answer=RIGHT)

    assert process_task(claims.KIND, Takeover.objects.get().pk) is None

    sold.refresh_from_db()
    assert (sold.state, sold.due_at) == ("ended", None)
    assert services(network) == [("R1", "ended")]


def test_staff_decide_once_about_the_refund(
    claimed: Subscription, card: Sim, alice: User, bob: User, clara: User
) -> None:
    claims.prove(alice, card, answer=RIGHT)
    takeover = Takeover.objects.get()
    assert Task.objects.get(kind=claims.KIND).subject == str(takeover.pk)

    claims.decide(takeover, actor=clara)

    assert claims.lost_sims(bob) == []


def prove_at_once(customers: list[User], card: Sim) -> list[Any]:
    """Let each customer prove the SIM at the same moment. Return the results and exceptions."""
    waiting = iter(customers)

    def prove() -> str:
        claims.prove(next(waiting), card, answer=RIGHT)
        return "won"

    return at_once(prove, len(customers))


@pytest.fixture
def rivals(db: None) -> list[User]:
    return [User.objects.create_user(f"{name}@example.com", name=name) for name in "abcd"]


@pytest.mark.django_db(transaction=True)
def test_of_several_who_prove_it_at_once_one_gets_the_sim(
    claimed: Subscription, card: Sim, rivals: list[User]
) -> None:
    results = prove_at_once(rivals, card)

    assert results.count("won") == 1
    assert sum(isinstance(result, lifecycle.SimOfAnother) for result in results) == 3
    assert Takeover.objects.count() == 1
    assert Line.objects.count() == 2


@contextmanager
def without_the_lock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def current_line(sim: Sim) -> SimOnLine | None:
        """Read the line, and give the others time to do the same."""
        line = lifecycle.current_line(sim)
        time.sleep(0.2)
        return line

    with monkeypatch.context() as patch:
        patch.setattr("django.db.models.QuerySet.select_for_update", lambda rows, **_how: rows)
        patch.setattr(claims, "current_line", current_line)
        yield


@pytest.mark.django_db(transaction=True)
def test_without_the_row_lock_only_the_constraint_would_stop_the_others(
    claimed: Subscription, card: Sim, rivals: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    with without_the_lock(monkeypatch):
        results = prove_at_once(rivals, card)

    assert any(isinstance(result, IntegrityError) for result in results), results
    assert SimOnLine.objects.filter(sim=card, until=None).count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_wrong_answer_stays_counted_although_the_request_fails(
    claimed: Subscription, card: Sim, alice: User
) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        claims.prove(alice, card, answer="0000")

    guess_wrong(alice, card, 1)
    # Of the customer for this SIM, of the SIM, and of the customer.
    assert AttemptCount.objects.count() == 3
