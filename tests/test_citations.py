"""The repository stands on its own: every citation leads to a place that exists in it.

Code, tests and documents cite `docs/NAME.md#anchor`. Texts for customers,
staff and operators cite nothing.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from demo.parts import ROOT

TEXTS = re.compile(
    r".*\.(?:cfg|conf|css|html|ini|js|json|md|po|py|sh|template|toml|txt|ya?ml)"
    r"|Makefile|run|\.env\.example"
)
# Neither written by hand nor part of the repository.
MADE = {"__pycache__", "var", "mutants", "htmlcov", "requirements"}
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
ROOMS = sorted(file.parent.name for file in ROOT.glob("*/__init__.py"))

# This file is full of bad examples.
SELF = Path(__file__)
CITATION = re.compile(r"docs/[a-z0-9/-]+\.(?:md|yaml)(?:#[\w-]+)?")
LINK = re.compile(r"\]\(([^)\s]+)\)")
EXPLICIT_ANCHOR = re.compile(r'<a id="([\w-]+)"></a>')
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
OUTSIDE = re.compile(
    r"\.\./shared|\.\./seeds|\bseeds? 0\d\d\b|-facts\.md|\bissue \d+\b"
    r"|\bcontract, sections? \d|\bcontract's section \d|es2plus\.md`?, section",
    re.IGNORECASE,
)
ADDRESS = re.compile(r"https?://(?:[\w.-]+@)?(?P<host>[\w.-]+)")
# Standards bodies, licences, and the universal links that an eSIM is installed by.
KNOWN_HOSTS = {
    "www.w3.org",
    "json-schema.org",
    "schemas.openid.net",
    "www.apache.org",
    "esimsetup.apple.com",
    "esimsetup.android.com",
    "api.stripe.com",
}
# Names that RFC 6761 reserves for examples, and names that stay on the machine.
RESERVED_HOST = re.compile(
    r"(?:[\w-]+\.)*(?:example|invalid|test|localhost|portal|portal_(?:api|desk|pages)|[\d.]+)\.?|\.+"
)
# A citation, as it would look in a text for people who have no access to the repository.
CITES = re.compile(r"\bdocs/|\.md\b|\bsections? \d|\bcontract, |\bpolicy [A-Z]\d", re.IGNORECASE)
TRANSLATED = {
    "_",
    "gettext",
    "gettext_lazy",
    "ngettext",
    "ngettext_lazy",
    "npgettext",
    "pgettext",
    "pgettext_lazy",
}
SHOWN_ARGUMENTS = {"help", "help_text", "label", "verbose_name", "description", "empty_label"}


def texts() -> Iterator[Path]:
    """Yield every file of the repository that is text, apart from this one."""
    folders = [one for one in ROOT.iterdir() if one.is_dir() and _is_written(one)]
    files = [one for one in ROOT.iterdir() if one.is_file()]
    files += [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    for file in files:
        is_made = MADE.intersection(file.relative_to(ROOT).parts)
        if TEXTS.fullmatch(file.name) and file != SELF and not is_made:
            yield file


def _is_written(folder: Path) -> bool:
    return folder.name == ".ci" or not folder.name.startswith(".")


def text_of(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def anchors(document: Path) -> set[str]:
    """Return the anchors of a Markdown file: explicit ones, and GitHub's for headings."""
    text = FENCE.sub("", text_of(document))
    return set(EXPLICIT_ANCHOR.findall(text)) | {slug(one) for one in HEADING.findall(text)}


def slug(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    bare = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return bare.replace(" ", "-")


def is_missing(target: Path, anchor: str) -> bool:
    """Say whether a file, or the anchor in it, does not exist inside the repository."""
    if not target.resolve().is_relative_to(ROOT) or not target.exists():
        return True
    return bool(anchor) and anchor not in anchors(target)


def matches(pattern: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """Yield every match in the repository's texts, with the place where it is."""
    for file in texts():
        text = text_of(file)
        for match in pattern.finditer(text):
            number = 1 + text.count("\n", 0, match.start())
            yield f"{file.relative_to(ROOT)}:{number}", match[0]


def shown_texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the texts of a module that customers, staff or operators read, with their lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            is_translated = getattr(node.func, "id", "") in TRANSLATED
            arguments = node.args if is_translated else []
            shown = [one.value for one in node.keywords if one.arg in SHOWN_ARGUMENTS]
            for part in [*arguments, *shown]:
                yield from _strings(part)
        elif isinstance(node, ast.Assign):
            names = {getattr(target, "id", "") for target in node.targets}
            if names & SHOWN_ARGUMENTS:
                yield from _strings(node.value)


def _strings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def test_every_cited_document_and_anchor_exists() -> None:
    cited = [(place, *text.partition("#")[::2]) for place, text in matches(CITATION)]

    assert len(cited) > 20
    assert [one for one in cited if is_missing(ROOT / one[1], one[2])] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_link_of_a_document_leads_to_a_place_in_the_repository(document: Path) -> None:
    links = LINK.findall(FENCE.sub("", text_of(document)))
    parts = [link.partition("#")[::2] for link in links]
    targets = [(document.parent / path if path else document, anchor) for path, anchor in parts]

    assert [str(path) + "#" + anchor for path, anchor in targets if is_missing(path, anchor)] == []


def test_the_certificate_of_a_calling_smdp_leads_to_how_it_is_checked() -> None:
    text = text_of(ROOT / "docs/es2plus.md")
    section = text.partition("\n## 2. TLS\n")[2].partition("\n## ")[0]

    assert "balance-api.md#certificates" in LINK.findall(section)


def test_nothing_cites_what_is_outside_the_repository() -> None:
    assert list(matches(OUTSIDE)) == []


def test_no_address_leads_to_a_site_that_may_change() -> None:
    hosts = [(place, ADDRESS.fullmatch(text)) for place, text in matches(ADDRESS)]
    named = [(place, match["host"]) for place, match in hosts if match]

    assert [
        (place, host)
        for place, host in named
        if host not in KNOWN_HOSTS and not RESERVED_HOST.fullmatch(host)
    ] == []


def test_texts_for_people_cite_nothing() -> None:
    modules = [file for file in texts() if file.suffix == ".py" and "tests" not in file.parts]
    shown = [(file, *text) for file in modules for text in shown_texts(ast.parse(text_of(file)))]

    assert len(shown) > 500
    assert [
        (f"{file.relative_to(ROOT)}:{line}", text)
        for file, line, text in shown
        if CITES.search(text)
    ] == []


def test_the_published_description_of_the_api_cites_nothing() -> None:
    assert CITES.findall(text_of(ROOT / "docs/openapi.yaml")) == []


def test_every_module_that_a_text_names_exists() -> None:
    named = [
        (str(file.relative_to(ROOT)), name)
        for file in texts()
        if file.suffix in {".md", ".py", ".toml"}
        for name in CODE.findall(FENCE.sub("", text_of(file)))
    ]

    assert len(named) > 1000
    assert [one for one in named if not exists(one[1])] == []


def exists(name: str) -> bool:
    """Say whether a name in code marks exists; true for what is no path and no module."""
    if re.fullmatch(r"[\w.-]+\.py", name):
        return name in file_names()
    if re.fullmatch(r"\.?[\w-]+(?:/[\w.*-]+)+\.[a-z]\w*", name):
        return name.startswith("var/") or any(ROOT.glob(name))
    room, _, rest = name.partition(".")
    if room in ROOMS and re.fullmatch(r"\w+(?:\.\w+)*", rest):
        return resolves(name)
    return True


@cache
def file_names() -> set[str]:
    return {file.name for file in texts()}


def resolves(name: str) -> bool:
    """Say whether a dotted name is a module, or a name that stands in one.

    Nothing is imported: what bench/ needs is not installed everywhere.
    """
    *parents, last = name.split(".")
    path = ROOT.joinpath(*parents, last)
    if path.is_dir() or path.with_suffix(".py").exists():
        return True
    module = ROOT.joinpath(*parents)
    for file in (module.with_suffix(".py"), module / "__init__.py"):
        if file.exists():
            begins = rf"(?:async )?(?:def|class) {last}\b|from [\w.]+ import {last}$|{last}\b *[:=]"
            return bool(re.search(rf"^\s*(?:{begins})", text_of(file), re.MULTILINE))
    return len(parents) > 1 and resolves(".".join(parents))


@pytest.mark.parametrize(
    ("heading", "expected"),
    [("Which SIM gets the plan", "which-sim-gets-the-plan"), ("5. Get: `a/b`", "5-get-ab")],
)
def test_a_heading_has_the_anchor_that_github_gives_it(heading: str, expected: str) -> None:
    assert slug(heading) == expected


@pytest.mark.parametrize(
    "text", ["contract, section 3", "seed 003", "`es2plus.md`, section 7", "issue 14"]
)
def test_an_outside_citation_is_found(text: str) -> None:
    assert OUTSIDE.search(text)


def test_a_citation_in_a_shown_text_is_found() -> None:
    module = ast.parse("help_text = 1\nf(help_text=_('See docs/usage.md'), other='docs/a.md')")

    assert list(dict.fromkeys(shown_texts(module))) == [(2, "See docs/usage.md")]
