"""How a visit ended, in the handoff's words: the contract's outcome table (section 4)."""

from mobileplans.models import Visit
from mobileplans.outcome import Outcome
from mobileplans.words import LineResult, MoDirectStatus, PurchaseInstrument, UserAccount
from orders.models import Order
from orders.queries import draft_of
from orders.states import Failure, OrderState
from payments.models import PaymentMethod

# Pages before a plan is decided, and the two after which something else is left open.
CHOOSING = frozenset({"options", "plans"})


def of_order(order: Order, visit: Visit) -> Outcome:
    """Return the outcome of a visit that ends with this order."""
    account, paid_with = visit.user_account, instrument(order.payment.method, visit)
    if order.state == OrderState.COMPLETED:
        sim = order.sim_in_use
        assert sim is not None  # noqa: S101 -- a completed order has its plan on a SIM
        return Outcome(
            account,
            paid_with,
            line=LineResult.NEW if order.line_is_new else LineResult.EXISTING,
            mo_direct_status=MoDirectStatus.COMPLETE,
            success=True,
            iccid=sim.iccid,
            activation_code=str(order.profile.activation_code) if order.profile else None,
            plan_name=order.plan_name,
        )
    line = LineResult.NONE
    if order.failure == Failure.PAYMENT_REFUSED:
        return Outcome(account, paid_with, line, MoDirectStatus.PURCHASE_FAILED)
    if order.failure == Failure.SIM_OF_ANOTHER:
        return Outcome(account, paid_with, line, MoDirectStatus.INVALID_SIM)
    if order.failure or order.trouble:
        return Outcome(account, paid_with, line, MoDirectStatus.SERVICE_ERROR)
    return Outcome(account, paid_with, LineResult.BAILED, MoDirectStatus.NONE)


def of_leaving(visit: Visit) -> Outcome:
    """Return the outcome of a visit that is left before anything was submitted."""
    account, none = visit.user_account, PurchaseInstrument.NONE
    line, status = LineResult.NONE, MoDirectStatus.NONE
    if visit.refused_as:
        return Outcome(UserAccount.NONE, none, line, MoDirectStatus(visit.refused_as))
    if visit.account is None:
        return Outcome(UserAccount.BAILED, none, line, status)
    if visit.step == "payment":
        return Outcome(account, PurchaseInstrument.BAILED, line, status)
    if visit.step == "review":
        draft = draft_of(visit.account)
        chosen = instrument(draft.method, visit) if draft and draft.method else none
        return Outcome(account, chosen, LineResult.BAILED, status)
    if visit.step in CHOOSING:
        return Outcome(account, none, LineResult.BAILED, status)
    return Outcome(account, none, line, status)


def instrument(method: PaymentMethod, visit: Visit) -> PurchaseInstrument:
    """Say whether the payment method was made in this visit."""
    is_new = method.created_at >= visit.launched_at
    return PurchaseInstrument.NEW if is_new else PurchaseInstrument.EXISTING
