"""How passwords are hashed; the other tests use a fast hash (tests/environment.py)."""

from typing import Any

from django.contrib.auth.hashers import check_password, identify_hasher, make_password

from moportal.settings import PASSWORD_HASHERS
from tests.conftest import PASSWORD


def test_passwords_are_hashed_with_argon2(settings: Any) -> None:
    settings.PASSWORD_HASHERS = PASSWORD_HASHERS

    kept = make_password(PASSWORD)

    assert identify_hasher(kept).algorithm == "argon2"
    assert check_password(PASSWORD, kept)
