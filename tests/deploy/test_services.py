"""The files from which systemd starts the portal, and the environment files that they read."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from demo.parts import ROOT
from demo.run import new_secrets
from tests.settings_for import OWN_VALUES
from tests.tables import READERS

SYSTEMD, ENVIRONMENT = ROOT / "deploy/systemd", ROOT / "deploy/environment"
VARIABLE = re.compile(r"^#?([A-Z_]+)=(.*)$", re.MULTILINE)
# In .env.example only for the demo, or as an example for a single provider.
NOT_IN_PRODUCTION = {
    *("DEMO", "SIMULATORS", "DEBUG", "SMDP_URL_SECOND_ONE", "SMDP_CA_SECOND_ONE"),
    "PAYMENT_OFFERED_DE",
    *("SMDP_SIMULATOR_URL", "PAYMENT_SIMULATOR_URL", "NETWORK_SIMULATOR_URL"),
    "MESSAGE_SIMULATOR_URL",
}
# These differ between the faces.
IN_SEVERAL_FILES = {"MOPORTAL_FACE", "ALLOWED_HOSTS"}
# The files that each service reads. A later one wins.
FILES = {
    "portal@": ("common", "portal"),
    "desk@": ("common", "desk"),
    "api@": ("common", "api"),
    "worker": ("common", "portal", "worker"),
    "beat": ("common", "portal", "worker"),
    "migrate": ("common", "portal", "migrate"),
}


def variables_of(file: Path) -> list[str]:
    return [name for name, _value in VARIABLE.findall(file.read_text(encoding="utf-8"))]


def test_every_variable_is_in_the_environment_of_the_processes_that_need_it() -> None:
    known = set(variables_of(ROOT / ".env.example")) - NOT_IN_PRODUCTION
    listed = Counter(name for file in READERS for name in variables_of(ENVIRONMENT / f"{file}.env"))

    assert set(listed) == known
    assert {name for name, times in listed.items() if times > 1} == IN_SEVERAL_FILES


def test_every_service_reads_its_files_in_order() -> None:
    read = {
        file.stem.removeprefix("moportal-"): tuple(
            re.findall(
                r"^EnvironmentFile=/etc/moportal/(\w+)\.env$", file.read_text(), re.MULTILINE
            )
        )
        for file in SYSTEMD.glob("*.service")
    }

    assert read == FILES
    # A file that systemd reads after the unit's own would win over all of them.
    shared = (SYSTEMD / "moportal-.service.d/common.conf").read_text(encoding="utf-8")
    assert "EnvironmentFile=" not in shared


@pytest.mark.processes
@pytest.mark.parametrize("service", ["portal@", "desk@", "api@", "worker", "migrate"])
def test_a_service_starts_with_the_required_variables_of_its_files(service: str) -> None:
    environment = {"PATH": os.environ["PATH"]}
    for name in FILES[service]:
        text = (ENVIRONMENT / f"{name}.env").read_text(encoding="utf-8")
        environment |= dict(line.split("=", 1) for line in text.splitlines() if line[:1].isupper())
    own = {**new_secrets(), **OWN_VALUES, "DATABASE_URL": os.environ["DATABASE_URL"]}
    environment |= {name: own[name] for name in environment if name in own}

    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.processes
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    for file in SYSTEMD.rglob("*.*"):
        if file.is_file():
            copy = tmp_path / file.relative_to(SYSTEMD)
            copy.parent.mkdir(exist_ok=True)
            # systemd also checks that the programs exist.
            copy.write_text(file.read_text().replace("/opt/moportal", str(ROOT)))
    units = [
        str(file).replace("@.service", "@1.service") for file in sorted(tmp_path.glob("*.service"))
    ]

    done = subprocess.run(
        ["/usr/bin/systemd-analyze", "verify", "--man=no", *units],
        capture_output=True,
        text=True,
        check=False,
    )

    complaints = done.stderr.splitlines()
    assert [line for line in complaints if str(tmp_path) in line or "moportal" in line] == []


@pytest.mark.processes
def test_a_service_that_fails_again_and_again_waits_longer_each_time(tmp_path: Path) -> None:
    clock, folder = tmp_path / "clock", tmp_path / "starts"
    folder.mkdir()
    clock.write_text("1000000")
    # A clock that the test sets, and that a wait moves.
    programs = {
        "date": f"cat {clock}",
        "sleep": f"echo $(($(cat {clock}) + $1)) >{clock}.new; mv {clock}.new {clock}",
    }
    for name, line in programs.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{line}\n")
        program.chmod(0o755)

    def wait_after(seconds: int) -> int:
        before = int(clock.read_text()) + seconds
        clock.write_text(str(before))
        subprocess.run(
            ["/bin/sh", str(ROOT / "deploy/wait_before_start.sh"), str(folder)],
            env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
            check=True,
            capture_output=True,
        )
        return int(clock.read_text()) - before

    assert wait_after(0) == 0
    assert [wait_after(3) for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert wait_after(120) == 0
    assert wait_after(3) == 1


@pytest.mark.processes
def test_a_command_runs_with_a_services_environment(tmp_path: Path) -> None:
    (tmp_path / "common.env").write_text("LOG_LEVEL=$a 'b'\n#OTHER=1\n")
    (tmp_path / "desk.env").write_text("MOPORTAL_FACE=nothing")
    said = {}
    for service in ("desk", "nobody"):
        done = subprocess.run(
            ["/bin/sh", str(ROOT / "deploy/manage.sh"), service, "check"],
            env={"PATH": os.environ["PATH"], "MOPORTAL_ETC": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        said[service] = done.returncode, done.stderr

    assert said["nobody"] == (2, "nobody is not portal, desk, api, worker or migrate.\n")
    assert said["desk"][0] == 1
