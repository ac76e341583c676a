"""`docs/smdp-simulator.md` names every option and every code."""

import re

import pytest

from simulators.smdp.failures import FAILURES, FOUND_BY_SMDP, REASONS, UNTOLD_REASONS
from simulators.smdp.faults import KINDS, NOTICE_KINDS
from simulators.smdp.functions import FUNCTIONS
from simulators.smdp.spelling import POINTS, STYLES
from tests.simulators.process import ROOT

DOCUMENT = (ROOT / "docs" / "smdp-simulator.md").read_text()
SOURCES = [file.read_text() for file in (ROOT / "simulators" / "smdp").glob("*.py")]
NAMED = {
    "faults": [*KINDS, *NOTICE_KINDS],
    "failures": [*FAILURES, *FOUND_BY_SMDP],
    "reasons": [*REASONS, *UNTOLD_REASONS],
    "styles": [*STYLES],
    "points": [*POINTS],
    "functions": [*FUNCTIONS],
}


@pytest.mark.parametrize("kind", NAMED)
def test_the_document_names_every_option(kind: str) -> None:
    assert [name for name in NAMED[kind] if f"`{name}`" not in DOCUMENT] == []


def test_the_document_names_every_code_of_an_answer() -> None:
    subject = r'(?:subject=)?"(8(?:\.\d+)*|1\.\d)"'
    codes = {
        f"{found[1]}/{found[2]}"
        for source in SOURCES
        for found in re.finditer(rf'Refused\({subject}, "([0-9.]+)"', source)
    }

    assert len(codes) > 15
    assert sorted(code for code in codes if f"`{code}`" not in DOCUMENT) == []
