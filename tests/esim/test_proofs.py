"""`esim.domain.proofs`: the check by which a customer proves that a SIM is theirs."""

import pytest

from esim.domain.proofs import PukEnding, sim_proof
from esim.models import Sim

pytestmark = pytest.mark.django_db
CHECK = PukEnding()


def test_the_end_of_the_puk_is_asked_unless_the_operator_sets_another_check() -> None:
    assert isinstance(sim_proof(), PukEnding)


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("0415", "0415"),
        (" 04 15 ", "0415"),
        ("73920415", "0415"),
        ("7392-0415", "0415"),
        ("\u0660\u0664\u0661\u0665", "0415"),
        ("041", ""),
        ("04156", ""),
        ("abcd", ""),
        ("", ""),
    ],
)
def test_an_answer_has_one_normal_form(typed: str, normal: str) -> None:
    assert CHECK.normalise(typed) == normal


def test_only_the_right_answer_is_right() -> None:
    sim = Sim(puk_ending="0415")

    assert CHECK.can_check(sim)
    assert CHECK.is_right(sim, "0415")
    assert not CHECK.is_right(sim, "0416")


def test_without_a_puk_nothing_can_be_checked() -> None:
    assert not CHECK.can_check(Sim(puk_ending=""))
