"""`tests.mutants.by_hand`: what it changes is still there, or `make mutants` would try nothing."""

import pytest

from demo.parts import ROOT
from tests.mutants.by_hand import CHANGES, Change


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: f"{change.file}: {change.new!r}")
def test_what_is_to_be_changed_stands_there_once(change: Change) -> None:
    assert (ROOT / change.file).read_text(encoding="utf-8").count(change.old) == 1


@pytest.mark.parametrize("test", sorted({change.test for change in CHANGES}))
def test_the_test_that_must_fail_is_there(test: str) -> None:
    file, _, name = test.partition("::")

    assert name.partition("[")[0] in (ROOT / file).read_text(encoding="utf-8")
