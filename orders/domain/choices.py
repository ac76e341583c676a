"""What the customer can pay a draft with, without typing anything."""

from dataclasses import dataclass

from orders.domain.drafts import takes_bill
from orders.models import Draft
from payments.domain import bills, methods
from payments.models import PaymentMethod
from payments.states import MethodKind


@dataclass(frozen=True)
class Choices:
    """The stored methods, and the numbers whose bill can become one.

    `unavailable` are stored methods that cannot pay for this draft. `is_bill_refused` says that the
    plan is the reason why no bill is offered.
    """

    stored: list[PaymentMethod]
    unavailable: list[PaymentMethod]
    numbers: list[str]
    is_bill_refused: bool = False


def payment_choices(draft: Draft) -> Choices:
    """Return what this draft's customer can choose in its market."""
    account, market = draft.account, draft.visit.market
    stored, switched_off = methods.part_methods(account, market=market)
    of_bills = [method for method in stored if method.kind == MethodKind.BILL]
    known = {method.token for method in of_bills}
    numbers = [one for one in bills.numbers_of(account, market=market) if one not in known]
    if takes_bill(draft):
        return Choices(stored, switched_off, numbers)
    others = [method for method in stored if method.kind != MethodKind.BILL]
    return Choices(others, of_bills + switched_off, [], bool(of_bills or numbers))
