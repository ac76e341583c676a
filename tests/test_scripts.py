"""The scripts: ES5 to the last line, as the app's WebView reads no more, and small."""

import gzip
import re
from pathlib import Path

import pytest
from calmjs.parse import es5  # type: ignore[import-untyped]  # it ships no types
from calmjs.parse.exceptions import ECMASyntaxError  # type: ignore[import-untyped]  # the same

from demo.parts import ROOT

SCRIPTS = sorted((ROOT / "static").rglob("*.js"))
HANDOFF = ROOT / "templates/mobileplans/handoff.html"
MOST_BYTES = 6 * 1024
# What ES5 engines lack at run time, whatever their syntax says.
NEWER = re.compile(r"\b(?:Promise|fetch|Symbol|Object\.assign|Array\.from|URLSearchParams)\b")


def name_of(script: Path) -> str:
    return str(script.relative_to(ROOT / "static"))


@pytest.mark.parametrize("script", SCRIPTS, ids=name_of)
def test_a_script_is_es5(script: Path) -> None:
    program = es5(script.read_text(encoding="utf-8"))

    assert list(program)


@pytest.mark.parametrize("newer", ["let a = 1;", "var f = () => 1;", "var t = `a`;", "f(...a);"])
def test_newer_syntax_is_detected(newer: str) -> None:
    with pytest.raises(ECMASyntaxError):
        es5(newer)


@pytest.mark.parametrize(
    "script", [one for one in SCRIPTS if "simulators" not in one.parts], ids=name_of
)
def test_no_script_of_the_portal_needs_a_newer_library(script: Path) -> None:
    assert not NEWER.search(script.read_text(encoding="utf-8"))


def test_the_handoff_scripts_stay_small() -> None:
    names = re.findall(r"static '(js/[^']+)'", HANDOFF.read_text(encoding="utf-8"))
    hosts = {f"js/hosts/{path.name}" for path in (ROOT / "static/js/hosts").iterdir()}
    together = b"".join((ROOT / "static" / name).read_bytes() for name in names)

    assert hosts < set(names)
    assert len(gzip.compress(together)) < MOST_BYTES
