"""Two speeds of one promise: `make test` walks a sample, `make test-long` walks the rest.

`docs/testing.md` says which promise is held at which speed.
"""

import os
from collections.abc import Collection, Iterable
from typing import Any

import pytest
from _pytest.mark.structures import ParameterSet

# Set by `make sweep`, which sends as many random requests as nobody would wait for in a test.
IS_SWEEP = bool(os.environ.get("SWEEP"))


def sampled(cases: Iterable[Any], *, in_short: Collection[Any]) -> list[ParameterSet]:
    """Return the cases for `parametrize`: those in the sample run always, the others when long."""
    walked = list(cases)
    missing = [case for case in in_short if case not in walked]
    assert not missing, f"in the sample, and no case: {missing}"
    return [_case(case, () if case in in_short else (pytest.mark.long,)) for case in walked]


def _case(case: Any, marks: Collection[pytest.MarkDecorator]) -> ParameterSet:
    values = case if isinstance(case, tuple) else (case,)
    return pytest.param(*values, marks=marks)


def long(*values: Any) -> ParameterSet:
    """Return a case of the long form alone."""
    return pytest.param(*values, marks=pytest.mark.long)
