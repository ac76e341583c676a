"""`tests.mutants.by_hand`: every text that it changes and every test that it runs exists."""

import pytest

from demo.parts import ROOT
from tests.mutants.by_hand import CHANGES, Change


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: f"{change.file}: {change.new!r}")
def test_the_text_to_change_occurs_exactly_once(change: Change) -> None:
    assert (ROOT / change.file).read_text(encoding="utf-8").count(change.old) == 1


@pytest.mark.parametrize("test", sorted({change.test for change in CHANGES}))
def test_the_test_that_must_fail_exists(test: str) -> None:
    file, _, name = test.partition("::")

    assert name.partition("[")[0] in (ROOT / file).read_text(encoding="utf-8")
