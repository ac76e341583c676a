"""The locks name everything that an installation needs, on every Python that is supported.

`make` installs with `pip install --no-deps --require-hashes`: whatever a lock leaves out is
missing. The oldest and the newest supported Python are checked by the packages' own metadata.
"""

import re
import subprocess
import sys
from functools import cache
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements"
LOCKS = ["run", "dev", "bench", "mutants", "lock"]
# bench, mutants and lock are installed by themselves, and `pip check` follows there.
INSTALLED_HERE = ["run", "dev"]
PYTHONS = ["3.11.0", "3.11.2", "3.12.0", "3.13.0"]
Lock = dict[str, Requirement]


@cache
def locked(name: str) -> Lock:
    """Return the lock's packages by their canonical names."""
    text = (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8")
    lines = [line.rstrip("\\ ") for line in text.splitlines() if re.match(r"[A-Za-z0-9]", line)]
    return {canonicalize_name(one.name): one for one in map(Requirement, lines)}


def asked_for(name: str) -> list[Requirement]:
    """Return what the `.in` file asks for, with the file that it includes."""
    lines = (REQUIREMENTS / f"{name}.in").read_text(encoding="utf-8").splitlines()
    included = [one for line in lines if line.startswith("-r ") for one in asked_for(line[3:-3])]
    return included + [Requirement(line) for line in lines if line and line[0] not in "-#"]


def environment(python: str) -> dict[str, str]:
    """Return the markers' values for a Python of this version on this machine."""
    here = {name: str(value) for name, value in default_environment().items()}
    return {
        **here,
        "python_full_version": python,
        "python_version": python.rpartition(".")[0],
        "extra": "",
    }


def is_wanted(requirement: Requirement, python: str, extra: str = "") -> bool:
    where = {**environment(python), "extra": extra}
    return requirement.marker is None or requirement.marker.evaluate(where)


def installed(name: str, lock: Lock) -> Distribution | None:
    """Return the package as it is installed; None for one that this Python does without."""
    marker = lock[name].marker
    return distribution(name) if marker is None or marker.evaluate() else None


def missing(lock: Lock, asked: list[Requirement], python: str) -> list[str]:
    """Return the requirements, direct and indirect, that the lock does not meet."""
    seen: set[tuple[str, str]] = set()
    unmet, open_ones = [], [(one, "") for one in asked]
    while open_ones:
        requirement, asked_by = open_ones.pop()
        name = canonicalize_name(requirement.name)
        line = lock.get(name)
        if line is None or not is_wanted(line, python) or not meets(line, requirement):
            unmet.append(f"{asked_by or 'the .in file'} wants {requirement}")
            continue
        package = installed(name, lock)
        for extra in {"", *requirement.extras}:
            if package is None or (name, extra) in seen:
                continue
            seen.add((name, extra))
            needs = [Requirement(text) for text in package.requires or []]
            open_ones += [(one, name) for one in needs if is_wanted(one, python, extra)]
    return unmet


def meets(line: Requirement, requirement: Requirement) -> bool:
    [version] = [one.version for one in line.specifier]
    return requirement.specifier.contains(version, prereleases=True)


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("name", INSTALLED_HERE)
def test_every_requirement_is_met_by_the_lock(name: str, python: str) -> None:
    assert missing(locked(name), asked_for(name), python) == []


def test_a_package_that_the_lock_leaves_out_is_noticed() -> None:
    lock = {name: one for name, one in locked("run").items() if name != "async-timeout"}

    assert missing(lock, asked_for("run"), "3.11.2") == [
        'redis wants async-timeout>=4.0.3; python_full_version < "3.11.3"'
    ]
    assert missing(lock, asked_for("run"), "3.13.0") == []


def supported_pythons(package: Distribution) -> str:
    name = "Requires-Python"
    return package.metadata[name] if name in package.metadata else ""  # noqa: SIM401 -- older ones have no get


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("name", INSTALLED_HERE)
def test_every_locked_package_supports_the_python(name: str, python: str) -> None:
    lock = locked(name)
    here = [installed(one, lock) for one in lock if is_wanted(lock[one], python)]

    said = {one.name: supported_pythons(one) for one in here if one is not None}

    assert [name for name, text in said.items() if python not in SpecifierSet(text)] == []


@pytest.mark.parametrize("name", LOCKS)
def test_every_line_has_a_version_and_a_hash_and_no_address(name: str) -> None:
    text = (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8")
    header, *entries = re.split(r"\n(?=[A-Za-z0-9])", text)

    assert "://" not in text
    assert header.startswith("# This file was autogenerated")
    for entry in entries:
        assert re.match(r"[A-Za-z0-9_.-]+==[^ ]+", entry), entry
        assert "--hash=sha256:" in entry, entry
        assert not re.search(r"^\s*--(?!hash)", entry, re.MULTILINE), entry


@pytest.mark.parametrize("name", ["run", "bench", "mutants"])
def test_what_two_locks_share_has_one_version(name: str) -> None:
    shared = locked(name).keys() & locked("dev").keys()

    different = {
        one for one in shared if locked(name)[one].specifier != locked("dev")[one].specifier
    }

    assert different == set()


@pytest.mark.processes
def test_pip_says_that_the_repository_is_no_package(tmp_path: Path) -> None:
    options = ["--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path)]
    command = [sys.executable, "-m", "pip", "wheel", str(REQUIREMENTS.parent), *options]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "moportal is no package: run it from its checkout." in done.stderr
    assert list(tmp_path.iterdir()) == []
