"""`make tables`: what the documents take from the product and its tests: tables, and OpenAPI.

Between `<!-- name -->` and `<!-- /name -->` stands what is made here; everything else is written
by hand. A test fails when a file is not what this would make of it.
"""

import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import django
from django.utils.translation import override

from demo.parts import ROOT

# The words of `es2plus.md`, section 8.
SUBJECTS = {
    "8.1.1": "EID",
    "8.2.1": "ICCID",
    "8.2.5": "profile type",
    "8.2.6": "matching id",
    "8.9": "SM-DS",
}
REASONS = {
    "1.2": "not allowed",
    "2.1": "invalid",
    "2.2": "missing",
    "3.3": "already in use",
    "3.5": "invalid transition",
    "3.7": "unavailable",
    "3.8": "refused",
    "3.9": "unknown",
    "3.10": "invalid association",
    "4.2": "execution error",
    "5.1": "inaccessible",
}


def launch_table() -> str:
    from tests.mobileplans.readings import READINGS  # noqa: PLC0415 -- after django.setup

    rows = [
        (f"`{row.parameter}`", row.words, _code(row.sent), _expected(row.expected))
        for row in READINGS
    ]
    return _table(("parameter", "reading", "sent", "read"), rows)


def lpa_table() -> str:
    from mobileplans.domain.lpa_table import TABLE  # noqa: PLC0415 -- after django.setup

    rows = [
        (
            "" if code.number is None else str(code.number),
            f"`{code}`",
            str(advice.meaning),
            str(advice.remedy).upper(),
            " ".join([f"**{advice.happened}.**", str(advice.text), *map(str, advice.steps)]),
            str(advice.staff),
        )
        for code, advice in TABLE.items()
    ]
    head = ("number", "name", "meaning", "remedy", "the customer reads", "staff read")
    return _table(head, rows)


def outcome_table() -> str:
    from tests.e2e.test_hosts import ROWS  # noqa: PLC0415 -- after django.setup

    calls = {
        "download": (
            "`notifyProfileDownload(meta, code)`",
            "`profileReadyWithActivationCode(code)`",
        ),
        "profile": ("`notifyBalanceAddition(meta, iccid)`", "`finishFlow()`"),
        "card": ("`notifyBalanceAddition(meta)`", "`finishFlow()`"),
        "nothing": ("`notifyCancelledPurchase(meta)`", "`dismissFlow()`"),
    }
    rows = [(row.name, *row.words, *calls[row.result]) for row in ROWS]
    words = ("userAccount", "purchaseInstrument", "line", "moDirectStatus")
    return _table(("outcome", *words, "newest app", "web sheet"), rows)


def decision_table() -> str:
    from esim.domain.decisions import MEANINGS  # noqa: PLC0415 -- after django.setup

    return _table(("decision", "what is done"), MEANINGS.items())


def answer_table() -> str:
    from esim.domain.decisions import BY_OUTCOME  # noqa: PLC0415 -- after django.setup

    rows = [(f"`{outcome}`", str(outcome.label), name) for outcome, name in BY_OUTCOME.items()]
    return _table(("outcome", "what it was", "decision"), rows)


def codes_table() -> str:
    from esim.domain.decisions import BY_CODES, BY_REASON, DEFAULT  # noqa: PLC0415 -- after django.setup

    rows = [
        (f"`{function}`", f"{subject}/{reason}", f"{SUBJECTS[subject]} {REASONS[reason]}", decision)
        for function, own in BY_CODES.items()
        for (subject, reason), decision in own.items()
    ]
    rows += [("any", f"…/{code}", REASONS[code], decision) for code, decision in BY_REASON.items()]
    rows.append(("any", "any other, or none", "", DEFAULT))
    return _table(("function", "codes", "in words", "decision"), rows)


DOCUMENTS = {
    ROOT / "docs/host.md": {"launch": launch_table, "lpa": lpa_table, "outcomes": outcome_table},
    ROOT / "docs/es2plus.md": {
        "decisions": decision_table,
        "answers": answer_table,
        "codes": codes_table,
    },
}


def openapi() -> str:
    from balance_api.documents import openapi  # noqa: PLC0415 -- after django.setup

    return openapi()


OPENAPI = ROOT / "docs/openapi.yaml"


def written(file: Path) -> str:
    """Return a document with each of its tables made anew."""
    document = file.read_text(encoding="utf-8")
    for name, make in DOCUMENTS[file].items():
        before, opening, rest = document.partition(f"<!-- {name} -->\n")
        _old, closing, after = rest.partition(f"<!-- /{name} -->")
        if not closing:
            message = f"{file.name} has no place for the table {name!r}"
            raise RuntimeError(message)
        with override("en"):
            document = before + opening + make() + closing + after
    return document


def _code(text: str) -> str:
    """Show an address's query, cut where it says nothing new."""
    shown = re.sub(r"x{20,}", "x…x", text)
    return f"`{shown}`" if shown else "(nothing)"


def _expected(expected: dict[str, object]) -> str:
    return ", ".join(f"{name} {_value(value)}" for name, value in expected.items())


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return " and ".join(f"`{item}`" for item in value) or "empty"
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return f"`{re.sub(r'x{20,}', 'x…x', str(value))}`" if value else "empty"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(
        "| " + " | ".join(c.replace("|", r"\|") for c in line) + " |\n" for line in lines
    )


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "moportal.settings")
    django.setup()
    OPENAPI.write_text(openapi(), encoding="utf-8")
    for file in DOCUMENTS:
        file.write_text(written(file), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
