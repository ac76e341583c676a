"""The build backend for `pip wheel .` and `pip install .`: it refuses, and says what to do."""

from typing import NoReturn


def build_wheel(*_arguments: object, **_options: object) -> NoReturn:
    raise SystemExit("moportal is no package: run it from its checkout. See README.md.")


build_sdist = build_editable = build_wheel
