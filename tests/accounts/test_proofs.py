"""`accounts.domain.proofs`: what a proof is worth, and who holds a number."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from accounts.domain import proofs
from accounts.domain.proofs import Strength, strength_of
from accounts.models import Proof, User
from accounts.signals import line_proven
from accounts.states import ProofKind

NUMBER = "+12025550142"
CODE, BILL = ProofKind.CODE_TO_LINE, ProofKind.BILL_CODE


@pytest.fixture
def announced() -> Iterator[list[tuple[Proof, list[User]]]]:
    """Return what was announced: each proof, and who held the number before."""
    found: list[tuple[Proof, list[User]]] = []

    def note(proof: Proof, before: list[User], **_signal: Any) -> None:
        found.append((proof, before))

    line_proven.connect(note)
    yield found
    line_proven.disconnect(note)


@pytest.mark.parametrize(
    ("kinds", "strength"),
    [
        ([], Strength.NONE),
        ([CODE], Strength.USE),
        ([BILL], Strength.NONE),
        ([CODE, BILL], Strength.HOLDER),
        ([ProofKind.OIDC], Strength.HOLDER),
        ([ProofKind.IDENTITY], Strength.HOLDER),
    ],
)
def test_what_proofs_are_worth(alice: User, kinds: list[ProofKind], strength: Strength) -> None:
    for kind in kinds:
        proofs.record(alice, kind, NUMBER)

    assert strength_of(alice, NUMBER) == strength
    assert strength_of(alice, "+12025550143") == Strength.NONE


def test_the_later_account_holds_the_number_whatever_the_former_has_proven(
    alice: User, bob: User, announced: list[tuple[Proof, list[User]]]
) -> None:
    proofs.record(alice, ProofKind.OIDC, NUMBER)
    proofs.record(alice, CODE, NUMBER)

    mine = proofs.record(bob, CODE, NUMBER)

    assert strength_of(alice, NUMBER) == Strength.NONE
    assert strength_of(bob, NUMBER) == Strength.USE
    assert announced[-1] == (mine, [alice])
    assert [before for _proof, before in announced[:2]] == [[], []]


def test_a_proof_that_is_made_again_keeps_its_row_with_the_new_time(alice: User) -> None:
    first = proofs.record(alice, CODE, NUMBER)
    again = proofs.record(alice, CODE, NUMBER)

    assert first.pk == again.pk
    assert again.made_at > first.made_at


def test_a_number_that_changed_hands_proves_nothing_until_it_is_proven_again(alice: User) -> None:
    proofs.record(alice, ProofKind.IDENTITY, NUMBER)

    proofs.end_all(NUMBER)
    assert strength_of(alice, NUMBER) == Strength.NONE

    proofs.record(alice, CODE, NUMBER)
    assert strength_of(alice, NUMBER) == Strength.USE


def test_a_database_with_one_writer_is_asked_for_no_lock(
    db: None, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    monkeypatch.setattr(connection, "vendor", "sqlite")

    with django_assert_num_queries(0):
        proofs.lock(NUMBER)
