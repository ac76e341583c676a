"""`make tables`: write the parts of the documents that come from the product and its tests.

These parts are tables, pictures of states, and the OpenAPI document. This module writes what is
between `<!-- name -->` and `<!-- /name -->`; everything else in a document is written by hand.
A test fails when a document differs from what this module would write.
"""

import os
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import django
from django.apps import apps
from django.conf import settings
from django.utils.translation import override

from demo.parts import ROOT
from tests.access import PEOPLE, ROLES, desk_rows, route_rows

if TYPE_CHECKING:
    from moportal.personal import Reason
    from moportal.retention import Rule

State = TypeVar("State", bound=str)

# The words of docs/es2plus.md#errors.
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

# What a picture says beside an arrow; most arrows need no words.
ORDER_MOVES = {
    ("in_progress", "pending"): "a step at the bank",
    ("in_progress", "held"): "charged, cannot be finished",
    ("held", "in_progress"): "staff try again",
    ("held", "failed"): "staff give up, money is refunded",
}
PAYMENT_MOVES = {
    ("intended", "pending"): "a step at the bank",
    ("intended", "captured"): "the gateway charges at once",
    ("pending", "captured"): "the gateway charges with the bank's step",
}
SUBSCRIPTION_MOVES = {
    ("prepared", "active"): "its order completes",
    ("prepared", "ended"): "its order fails",
    ("active", "grace"): "the next month begins unpaid",
    ("active", "on_hold"): "no grace is left",
    ("active", "ended"): "cancelled, and the month is over",
    ("grace", "active"): "paid: the bounds stay",
    ("grace", "on_hold"): "grace is over",
    ("on_hold", "active"): "paid: a new month begins",
    ("on_hold", "ended"): "30 days after the last paid month",
}
MOVES_OF_PLANS = {
    ("prepared", "begun"): "its order is complete, and the new eSIM waits to be downloaded",
    ("prepared", "live"): "its order is complete, and the SIM needs no download",
    ("prepared", "dropped"): "its order came to nothing",
    ("begun", "live"): "the download is confirmed, and the plan is active on the new SIM",
    ("begun", "done"): "the old SIM has left already",
    ("begun", "undone"): "the customer stops it",
    ("begun", "dropped"): "nobody downloads the eSIM",
    ("live", "done"): "the time to undo it is over: the old SIM leaves",
    ("live", "undone"): "the customer undoes it",
    ("live", "dropped"): "the new SIM has left the line",
}
PERIOD_MOVES = {
    ("planned", "paid"): "its payment is captured, or it costs nothing",
    ("planned", "lapsed"): "the plan went on hold, or ended",
}
CHANGE_MOVES = {
    ("chosen", "begun"): "the month ends",
    ("chosen", "undone"): "the customer undoes it",
    ("chosen", "lapsed"): "another plan was chosen, or the old one ended",
}
CARD_PAGE_MOVES = {
    ("intended", "open"): "a worker got the page's address",
    ("intended", "lapsed"): "no answer after six tries",
    ("open", "taken"): "card stored, and chosen in the draft",
    ("open", "refused"): "closed there, or card refused",
    ("open", "lapsed"): "customer did not return within 30 minutes",
    ("lapsed", "open"): "customer returned after all",
}
DELETION_MOVES = {
    ("asked", "waiting"): "the week is over, and something is open",
    ("asked", "erasing"): "the week is over",
    ("waiting", "erasing"): "nothing is open any more",
}
PROFILE_MOVES = {
    ("intended", "reserved"): "DownloadOrder",
    ("reserved", "released"): "ConfirmOrder",
    ("released", "downloaded"): "the device has it",
    ("released", "cancelled"): "CancelOrder",
}


def launch_table() -> str:
    from tests.mobileplans.launch_table import LAUNCH_TABLE  # noqa: PLC0415 -- after django.setup

    rows = [
        (f"`{row.parameter}`", row.rule, _code(row.sent), _expected(row.expected))
        for row in LAUNCH_TABLE
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
            " ".join([f"**{advice.title}.**", str(advice.text), *map(str, advice.steps)]),
            str(advice.staff_advice),
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


def order_picture() -> str:
    from orders.states import NEXT_STATES  # noqa: PLC0415 -- after django.setup

    return _picture(NEXT_STATES, ORDER_MOVES)


def subscription_picture() -> str:
    from subscriptions.states import NEXT_SUBSCRIPTION_STATES  # noqa: PLC0415 -- after django.setup

    return _picture(NEXT_SUBSCRIPTION_STATES, SUBSCRIPTION_MOVES)


def period_picture() -> str:
    from subscriptions.states import NEXT_PERIOD_STATES  # noqa: PLC0415 -- after django.setup

    return _picture(NEXT_PERIOD_STATES, PERIOD_MOVES)


def plan_move_picture() -> str:
    from subscriptions.states import NEXT_MOVE_STATES  # noqa: PLC0415 -- after django.setup

    return _picture(NEXT_MOVE_STATES, MOVES_OF_PLANS)


def change_picture() -> str:
    from subscriptions.states import NEXT_CHANGE_STATES  # noqa: PLC0415 -- after django.setup

    return _picture(NEXT_CHANGE_STATES, CHANGE_MOVES)


def payment_picture() -> str:
    from payments.states import NEXT_STATES  # noqa: PLC0415 -- after django.setup

    return _picture(NEXT_STATES, PAYMENT_MOVES)


def card_page_picture() -> str:
    from payments.states import NEXT_PAGE_STATES  # noqa: PLC0415 -- after django.setup

    return _picture(NEXT_PAGE_STATES, CARD_PAGE_MOVES)


def deletion_picture() -> str:
    from accounts.states import NEXT_DELETION_STATES  # noqa: PLC0415 -- after django.setup

    return _picture(NEXT_DELETION_STATES, DELETION_MOVES)


def profile_picture() -> str:
    from esim.states import NEXT_STATES  # noqa: PLC0415 -- after django.setup

    return _picture(NEXT_STATES, PROFILE_MOVES)


def retention_table() -> str:
    from moportal.retention import registered  # noqa: PLC0415 -- after django.setup

    rules = sorted((rule for _label, rule in registered()), key=_table_name)
    rows = [(f"`{_table_name(rule)}`", _time_kept(rule), rule.why) for rule in rules]
    return _table(("table", "rows are deleted", "which rows"), rows)


def kept_table() -> str:
    from moportal.personal import personal  # noqa: PLC0415 -- after django.setup

    rows = [
        (
            f"`{entry.model._meta.db_table}`",
            ", ".join(f"`{column}`" for column in keep.columns),
            _until(keep.reason),
            str(keep.reason.text),
        )
        for entry in personal()
        for keep in entry.keeps
    ]
    return _table(
        ("table", "what stays", "how long", "why, as the customer reads it"), sorted(rows)
    )


def _until(reason: "Reason") -> str:
    if not reason.setting:
        return str(reason.until)
    unit = reason.setting.rpartition("_")[2].lower()
    return f"{getattr(settings, reason.setting):g} {unit} (`{reason.setting}`)"


def _table_name(rule: "Rule") -> str:
    return rule.model._meta.db_table


def _time_kept(rule: "Rule") -> str:
    """Return after what time a rule deletes rows, with its setting and the setting's default."""
    from moportal.retention import Follows, Kept  # noqa: PLC0415 -- after django.setup

    if isinstance(rule, Kept):
        return "never"
    if isinstance(rule, Follows):
        return f"with `{apps.get_model(rule.leader)._meta.db_table}`"
    if not rule.setting:
        return "when their time is over"
    unit = rule.setting.rpartition("_")[2].lower()
    return f"after {getattr(settings, rule.setting):g} {unit} (`{rule.setting}`)"


# The processes that read each file of deploy/environment.
PROCESSES = ("portal", "desk", "API", "worker, beat")
READERS = {
    "common": PROCESSES,
    "portal": ("portal", "worker, beat"),
    "desk": ("desk",),
    "api": ("API",),
    "worker": ("worker, beat",),
}


def faces_table() -> str:
    """Return which process reads which variable, from the files of deploy/environment.

    A line that is not commented out is required.
    """
    rows: list[tuple[str, ...]] = []
    for file, readers in READERS.items():
        text = (ROOT / f"deploy/environment/{file}.env").read_text(encoding="utf-8")
        for comment, name in re.findall(r"^(#?)([A-Z_]+)=", text, re.MULTILINE):
            need = "optional" if comment else "required"
            cells = [need if process in readers else "" for process in PROCESSES]
            rows.append((f"`{name}`", f"`{file}.env`", *cells))
    return _table(("variable", "file", *PROCESSES), rows)


def access_table() -> str:
    return _table(("route", *PEOPLE), route_rows())


def desk_table() -> str:
    return _table(("page", *ROLES), desk_rows())


def ability_table() -> str:
    from tests.ability_table import HEAD, ability_rows  # noqa: PLC0415 -- after django.setup

    return _table(HEAD, ability_rows())


DOCUMENTS = {
    ROOT / "docs/access.md": {"access": access_table, "desk": desk_table},
    ROOT / "docs/operate.md": {"faces": faces_table},
    ROOT / "docs/architecture.md": {
        "order states": order_picture,
        "payment states": payment_picture,
        "card page states": card_page_picture,
    },
    ROOT / "docs/subscriptions.md": {
        "subscription states": subscription_picture,
        "period states": period_picture,
        "move states": plan_move_picture,
        "change states": change_picture,
    },
    ROOT / "docs/testing.md": {"abilities": ability_table},
    ROOT / "docs/privacy.md": {"kept": kept_table, "deletion states": deletion_picture},
    ROOT / "docs/retention.md": {"retention": retention_table},
    ROOT / "docs/host.md": {"launch": launch_table, "lpa": lpa_table, "outcomes": outcome_table},
    ROOT / "docs/es2plus.md": {
        "decisions": decision_table,
        "answers": answer_table,
        "codes": codes_table,
        "profile states": profile_picture,
    },
}


def openapi() -> str:
    from balance_api.schema import openapi  # noqa: PLC0415 -- after django.setup

    return openapi()


OPENAPI = ROOT / "docs/openapi.yaml"


def written(file: Path) -> str:
    """Return a document with each of its generated parts written again."""
    document = file.read_text(encoding="utf-8")
    for name, make in DOCUMENTS[file].items():
        before, opening, rest = document.partition(f"<!-- {name} -->\n")
        _old, closing, after = rest.partition(f"<!-- /{name} -->")
        if not closing:
            message = f"{file.name} has no place for {name!r}"
            raise RuntimeError(message)
        with override("en"):
            document = before + opening + make() + closing + after
    return document


def _code(text: str) -> str:
    """Show an address's query, with long runs of one letter shortened."""
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


def _picture(
    next_states: Mapping[State, Iterable[State]], words: Mapping[tuple[str, str], str]
) -> str:
    """Return a Mermaid picture of a table of states; the first state is where a row begins.

    Raises `RuntimeError` if `words` has an arrow that the table does not allow.
    """
    first = next(iter(next_states))
    # In the table's order of states: sets have none.
    moves = [
        (old, new) for old, allowed in next_states.items() for new in next_states if new in allowed
    ]
    if extra := words.keys() - set(moves):
        message = f"no such moves: {sorted(extra)}"
        raise RuntimeError(message)
    arrows = [(f"{old} --> {new}", words.get((old, new))) for old, new in moves]
    lines = [f"{arrow}: {said}" if said else arrow for arrow, said in arrows]
    body = "".join(f"    {line}\n" for line in [f"[*] --> {first}", *lines])
    return f"```mermaid\nstateDiagram-v2\n{body}```\n"


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "moportal.settings")
    django.setup()
    OPENAPI.write_text(openapi(), encoding="utf-8")
    for file in DOCUMENTS:
        file.write_text(written(file), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
