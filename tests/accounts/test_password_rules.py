"""New passwords: neither the operator's name nor one that has leaked."""

import hashlib
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError

from accounts.access.password_rules import LeakedPasswordValidator, OperatorNameValidator
from tests.builders import make_operator

LEAKED = [f"leaked {number}" for number in range(50)]


@pytest.fixture
def leaked(tmp_path: Path) -> LeakedPasswordValidator:
    """Return the rule with a list of fifty passwords, in the published format."""
    digests = sorted(hashlib.sha1(text.encode()).hexdigest().upper() for text in LEAKED)  # noqa: S324 -- the format
    path = tmp_path / "leaked.txt"
    path.write_text("".join(f"{digest}:{len(digest)}\n" for digest in digests), encoding="ascii")
    return LeakedPasswordValidator(str(path))


@pytest.mark.parametrize("password", LEAKED)
def test_each_leaked_password_is_refused(leaked: LeakedPasswordValidator, password: str) -> None:
    with pytest.raises(ValidationError, match="data leak"):
        leaked.validate(password)


@pytest.mark.parametrize("number", range(50))
def test_other_passwords_are_accepted(leaked: LeakedPasswordValidator, number: int) -> None:
    leaked.validate(f"not leaked {number}")


def test_a_last_line_without_a_line_feed_counts_too(tmp_path: Path) -> None:
    digest = hashlib.sha1(b"only one").hexdigest().upper()  # noqa: S324 -- the published format
    (tmp_path / "leaked.txt").write_text(digest, encoding="ascii")
    rule = LeakedPasswordValidator(str(tmp_path / "leaked.txt"))

    with pytest.raises(ValidationError):
        rule.validate("only one")
    for number in range(20):
        rule.validate(f"another {number}")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("password", "is_refused"),
    [("Kestrel2026", True), ("my Kestrel", True), ("a kestrel over nine hills", False)],
)
def test_a_password_needs_more_than_the_operator_s_name(password: str, *, is_refused: bool) -> None:
    make_operator(name="Kestrel")
    rule = OperatorNameValidator()

    if is_refused:
        with pytest.raises(ValidationError, match="our name"):
            rule.validate(password)
    else:
        rule.validate(password)


@pytest.mark.django_db
def test_a_short_name_is_part_of_many_good_passwords() -> None:
    make_operator(name="O2")

    OperatorNameValidator().validate("o2 o2 o2")


def test_each_rule_says_what_it_wants(leaked: LeakedPasswordValidator) -> None:
    assert "data leak" in leaked.get_help_text()
    assert "our name" in OperatorNameValidator().get_help_text()
