"""An import that points up fails `make check`, from whatever room and whatever layer it starts."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from demo.parts import ROOT

pytestmark = pytest.mark.processes

CONFIGURATION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES: list[str] = CONFIGURATION["tool"]["importlinter"]["root_packages"]
# From the bottom room to the top one, each with the room above that it must not import.
UPWARDS = {
    "moportal.money": "accounts.models",
    "brand": "accounts.models",
    "outbox": "accounts.models",
    "messages": "accounts.models",
    "accounts": "plans.models",
    "plans": "esim.models",
    "esim": "payments.models",
    "payments": "subscriptions.models",
    "subscriptions": "mobileplans.models",
    "mobileplans": "orders.models",
    "orders": "selfcare.views",
    "selfcare": "balance_api.views",
    "balance_api": "selfcare.views",
    "support": "selfcare.views",
}
# Inside a room: a lower layer that imports a higher one.
INSIDE = {
    "accounts.models": "accounts.domain.sign_in",
    "accounts.domain.sign_in": "accounts.forms",
    "brand.models": "brand.queries",
    "messages.models": "messages.domain.writing",
    "plans.models": "plans.queries",
    "esim.states": "esim.models",
    "esim.domain.pool": "esim.admin",
    "payments.states": "payments.models",
    "payments.domain.payments": "payments.views",
    "subscriptions.records": "subscriptions.models",
    "subscriptions.domain.usage": "subscriptions.admin",
    "mobileplans.words": "mobileplans.models",
    "mobileplans.models": "mobileplans.domain.visits",
    "orders.models": "orders.queries.orders",
    "orders.queries.timeline": "orders.domain.placing",
    "orders.domain.placing": "orders.forms",
    "outbox.models": "outbox.domain",
}


def lint(tree: Path) -> str:
    command = [str(Path(sys.prefix) / "bin" / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    return " ".join(done.stdout.split()) if done.returncode else "kept"


def add_import(tree: Path, importer: str, imported: str) -> None:
    """Write the import into a function, as nothing runs it and import order stays as it is."""
    path = tree / importer.replace(".", "/")
    file = path / "models.py" if path.is_dir() and (path / "models.py").exists() else path
    file = path / "views.py" if file.is_dir() else file
    file = file if file.suffix else file.with_suffix(".py")
    with file.open("a", encoding="utf-8") as source:
        source.write(f"\n\ndef _upwards():\n    import {imported}\n")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a copy of the product's code, with the rules of its imports."""
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__", "migrations")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_product_keeps_its_layers(tree: Path) -> None:
    assert lint(tree) == "kept"


def test_an_import_from_a_higher_room_is_refused_in_every_room(tree: Path) -> None:
    for importer, imported in UPWARDS.items():
        add_import(tree, importer, imported)

    said = lint(tree)

    for importer, imported in UPWARDS.items():
        above = imported.partition(".")[0]
        assert f"{importer} is not allowed to import {above}" in said


def test_an_import_from_a_higher_layer_is_refused_inside_a_room(tree: Path) -> None:
    for importer, imported in INSIDE.items():
        add_import(tree, importer, imported)

    said = lint(tree)

    for importer, imported in INSIDE.items():
        layers = [".".join(name.split(".")[:2]) for name in (importer, imported)]
        assert "{} is not allowed to import {}".format(*layers) in said


def test_a_module_without_a_layer_is_refused(tree: Path) -> None:
    (tree / "orders" / "helpers.py").write_text("", encoding="utf-8")

    assert "orders.helpers" in lint(tree)
