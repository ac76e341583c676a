"""`python -m tests.dead_code`: functions, classes and methods that the product never uses.

Tests do not count as use: what only a test calls is dead. Names in templates, settings
and the Makefile do count, as do the names that a framework calls.
"""

import re
import sys
from pathlib import Path

from vulture import Vulture
from vulture.core import Item

ROOT = Path(__file__).resolve().parent.parent
ROOMS = (
    *("accounts", "balance_api", "brand", "demo", "esim", "messages", "mobileplans", "moportal"),
    *("orders", "outbox", "payments", "plans", "selfcare", "simulators", "subscriptions"),
    "support",
)
KINDS = {"function", "class", "method", "property"}
# What Django, DRF, Celery, httpx and the standard library's HTTP server call by its name.
CALLED_BY_FRAMEWORKS = [
    *(
        "Meta",
        "Command",
        "*Config",
        "*Middleware",
        "*Test",
        "*Admin",
        "*Inline",
        "*Form",
        "*Scheme",
    ),
    *("ready", "handle", "add_arguments", "do_*", "log_message", "version_string", "setup"),
    *(
        "get_*",
        "has_*_permission",
        "clean*",
        "save_model",
        "delete_model",
        "delete_queryset",
        "response_add",
    ),
    *("lookups", "queryset", "formfield_for_*", "from_db_value", "changeform_view"),
    *("change_view", "response_add"),
    *("select_parser", "select_renderer", "initialize_request", "authenticate*", "to_*"),
    *("validate", "handle_error", "_put", "normalize_username", "connection_class", "decompress"),
    *("allow_request", "wait", "render", "handle_exception", "process_*", "_validate_session_key"),
]
DECORATORS = [
    "@admin.*",
    "@register*",
    "@shared_task",
    "@*.connect",
    "@extend_schema*",
    "@require_*",
]
NAMED_ELSEWHERE = (
    "moportal/settings.py",
    "moportal/web/api.py",
    "moportal/web/faces.py",
    "moportal/urls.py",
    "moportal/celery.py",
    "Makefile",
    "pyproject.toml",
    "tests/tables.py",
    ".env.example",
    # It stops and starts a copy's processes, as `make chaos` does to break them.
    "tests/stack.py",
    # An operator tests an adapter with the kit as this file does.
    "tests/payments/test_kit.py",
    # Renewals will charge as this file does.
    "tests/payments/test_off_session.py",
)


def main() -> int:
    found = unused()
    for item in found:
        print(
            f"{item.filename.relative_to(ROOT)}:{item.first_lineno}: unused {item.typ} {item.name}"
        )
    return 1 if found else 0


def unused() -> list[Item]:
    vulture = Vulture(ignore_names=CALLED_BY_FRAMEWORKS, ignore_decorators=DECORATORS)
    vulture.scavenge([ROOT / room for room in ROOMS], exclude=["*/migrations/*"])
    named = _names_elsewhere()
    return [
        item for item in vulture.get_unused_code() if item.typ in KINDS and item.name not in named
    ]


def _names_elsewhere() -> set[str]:
    files = [ROOT / name for name in NAMED_ELSEWHERE]
    files += [
        *(ROOT / "templates").rglob("*.html"),
        *ROOT.glob("*/urls.py"),
        *ROOT.glob("*/apps.py"),
    ]
    return {name for file in files for name in re.findall(r"\w+", file.read_text(encoding="utf-8"))}


if __name__ == "__main__":
    sys.exit(main())
