"""Lines of the operator's customer system that the end-to-end tests link, each with its number."""

import time
from dataclasses import dataclass
from itertools import count

from moportal.identifiers import Iccid
from tests.customers import change_line, plan
from tests.e2e.customer import Customer
from tests.e2e.outside import PATIENCE
from tests.stack import Stack

PLAN = "Home 50 GB"
# The simulator's own lines and the numbers with an ending of their own lie below.
_numbers = count(300)


@dataclass(frozen=True)
class OperatorsLine:
    number: str
    bill_code: str


def unused_number() -> str:
    """Return a number that no customer has and no line."""
    return f"+1202555{next(_numbers):04}"


def open_line(stack: Stack) -> OperatorsLine:
    """Return a line that nobody has linked: codes and proofs are counted for each number."""
    number = next(_numbers)
    line = OperatorsLine(f"+1202555{number:04}", f"BILL-{number}")
    change_line(
        stack.customer_url,
        f"line-{number}",
        number=line.number,
        billCode=line.bill_code,
        sims=[Iccid.numbered("8944999", number)],
        plans=[plan(name=PLAN)],
    )
    return line


def wait_for_line(noor: Customer, line: OperatorsLine) -> None:
    """Reload the account until a worker has asked the customer system."""
    row = noor.page.locator(".cards-row", has_text=line.number)
    deadline = time.monotonic() + PATIENCE
    while not row.count():
        assert time.monotonic() < deadline, f"no line {line.number}"
        noor.page.wait_for_timeout(250)
        noor.page.reload()
