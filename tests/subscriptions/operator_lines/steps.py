"""What the tests of linked lines do: prove a number, let the worker work, and read the result."""

from accounts.domain import proofs
from accounts.models import User
from accounts.states import ProofKind
from outbox.domain import RetryAfter
from outbox.models import Task
from subscriptions.domain import linking, operator_lines
from subscriptions.models import Line, LineLink, OperatorLine
from tests.processing import process_task
from tests.providers import books

NUMBER, BILL_CODE, ICCID = "+12025550142", "HOLD-4711-KMRT", "8944999100000000010"


def prove(account: User, number: str = NUMBER, kind: ProofKind = ProofKind.CODE_TO_LINE) -> None:
    proofs.record(account, kind, number)


def work(account: User) -> RetryAfter | None:
    """Let the worker process the account's newest request to link a line."""
    link = LineLink.objects.filter(account=account).latest("pk")
    return process_task(linking.KIND, link.pk)


def link_line(account: User, number: str = NUMBER) -> Line:
    """Prove the number and link its line."""
    prove(account, number)
    assert work(account) is None
    return Line.objects.get(account=account, msisdn=number[1:])


def refresh() -> RetryAfter | None:
    """Let the worker ask what is left on the only linked line."""
    return process_task(operator_lines.KIND, OperatorLine.objects.get().pk)


def newest_link(account: User) -> LineLink:
    return LineLink.objects.filter(account=account).latest("pk")


def operations(customers: str) -> list[str]:
    """Return the operations that the customer system was asked for."""
    return [call["operation"] for call in books(customers)["calls"]]


def open_tasks(kind: str) -> int:
    return Task.objects.filter(kind=kind, closed_at=None).count()
