"""The text of a row of accounts, in an error or where staff choose one."""

from datetime import UTC, datetime

from django.db.models import Model

from accounts.models import AccountMessage, PasswordLink, Proof, RecoveryCode, SignIn, User
from accounts.states import ProofKind
from messages.states import Occasion

AT = datetime(2027, 3, 1, 10, 30, tzinfo=UTC)
EXPECTED: list[tuple[Model, str]] = [
    (AccountMessage(occasion=Occasion.ORDER_FAILED, key="ABC"), "order_failed ABC"),
    (SignIn(device="Edge, Windows", started_at=AT), "Edge, Windows, 2027-03-01 10:30"),
    (SignIn(started_at=AT), "unknown device, 2027-03-01 10:30"),
    (RecoveryCode(created_at=AT), "created 2027-03-01 10:30"),
    (Proof(kind=ProofKind.OIDC, subject="+12025550142"), "oidc +12025550142"),
    (
        PasswordLink(user=User(username="new@staff.example"), issued_at=AT),
        "link for new@staff.example, 2027-03-01 10:30",
    ),
]


def test_a_row_says_what_it_is_and_nothing_secret() -> None:
    assert [str(row) for row, _text in EXPECTED] == [text for _row, text in EXPECTED]


def test_the_desk_greets_its_user_by_name() -> None:
    assert User(username="clara@example.com", name="Clara").get_short_name() == "Clara"
    assert User(username="clara@example.com").get_short_name() == "clara@example.com"
