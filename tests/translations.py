"""Fail if a translation is missing, stale or broken: `python -m tests.translations de ar`.

The texts are collected in a copy of the tree, so the check changes no file.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parent.parent
INSIDE_F_STRING = re.compile(r"\{(?:_|n?p?gettext)\(")
TAG = re.compile(r"</?[a-z][^>]*>")
NOT_SOURCE = shutil.ignore_patterns(".*", "var", "tests", "docs", "requirements", "*.mo")


def main() -> int:
    languages = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=NOT_SOURCE)
        _collect(tree, languages)
        found = [complaint for language in languages for complaint in _complaints(tree, language)]
        found += _never_collected(tree)
    for complaint in found:
        print(complaint, file=sys.stderr)
    if found:
        print("Run `make messages` to collect the texts, then translate them.", file=sys.stderr)
    return 1 if found else 0


def _collect(tree: Path, languages: list[str]) -> None:
    options = [f"--locale={language}" for language in languages]
    command = [sys.executable, "manage.py", "makemessages", "--verbosity=0", *options]
    subprocess.run(command, cwd=tree, check=True)


def _complaints(tree: Path, language: str) -> Iterator[str]:
    with (tree / "locale" / language / "LC_MESSAGES" / "django.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    for message in catalogue:
        what = _fault(message, catalogue)
        if message.id and what:
            yield f"{language}: {what}: {_text(message)!r}"
    for stale in catalogue.obsolete.values():
        yield f"{language}: stale, the text no longer exists: {_text(stale)!r}"


def _never_collected(tree: Path) -> Iterator[str]:
    """Complain of texts inside an f-string: gettext does not look there."""
    for file in sorted(tree.rglob("*.py")):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            if INSIDE_F_STRING.search(line):
                place = f"{file.relative_to(tree)}:{number}"
                yield f"{place}: give the text a name before the f-string, or it is not collected"


def _fault(message: Message, catalogue: Catalog) -> str | None:
    if message.fuzzy:
        return "fuzzy, needs review"
    strings = message.string if isinstance(message.string, (list, tuple)) else [message.string]
    if not all(strings):
        return "missing"
    # Placeholders and the number of plural forms.
    for error in message.check(catalogue):
        return str(error)
    tags = sorted(TAG.findall(_text(message)))
    return None if all(sorted(TAG.findall(str(text))) == tags for text in strings) else "other tags"


def _text(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


if __name__ == "__main__":
    sys.exit(main())
