"""Outcomes of visits in the words of the handoff: the table of docs/contract.md#outcomes."""

from django.conf import settings

from accounts.models import User
from esim.models import Sim
from esim.states import ProfileState
from mobileplans.domain.outcome import Outcome
from mobileplans.domain.visits import has_sim_of_another
from mobileplans.models import Visit
from mobileplans.words import LineResult, MoDirectStatus, PurchaseInstrument, UserAccount
from orders.models import Order
from orders.queries.orders import draft_of
from orders.states import Failure, OrderState
from payments.models import PaymentMethod
from payments.states import MethodKind

# The steps before a plan is chosen.
CHOOSING = frozenset({"options", "plans", "lines", "device", "sim"})


def of_order(order: Order, visit: Visit) -> Outcome:
    """Return the outcome of a visit that ends with this order."""
    account, paid_with = visit.user_account, _paid_with(order, visit)
    if order.adds_device:
        # The plan was there before, and so was the account.
        account = UserAccount.EXISTING
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
            activation_code=_code(order),
            on_esim=sim.kind == Sim.Kind.PROFILE,
            plan_name=order.plan_name,
        )
    line = LineResult.NONE
    if order.failure == Failure.PAYMENT_REFUSED:
        refused = MoDirectStatus(settings.PAYMENT_REFUSED_STATUS)
        return Outcome(account, paid_with, line, refused)
    if order.failure in {Failure.SIM_OF_ANOTHER, Failure.SIM_HAS_PLAN}:
        return Outcome(account, paid_with, line, MoDirectStatus.INVALID_SIM)
    if order.failure in {Failure.NO_PLACE_LEFT, Failure.NOT_SHARED, Failure.NOT_MOVABLE}:
        # Nothing has failed: the plan has changed meanwhile.
        return Outcome(account, paid_with, line, MoDirectStatus.NONE)
    # An order that still waits for a service has no failure yet, only its last error.
    if order.failure or order.last_error:
        return Outcome(account, paid_with, line, MoDirectStatus.SERVICE_ERROR)
    return Outcome(account, paid_with, LineResult.BAILED, MoDirectStatus.NONE)


def _code(order: Order) -> str | None:
    """Return the activation code, or None if the eSIM does not wait for a download."""
    profile = order.profile
    if profile is None or profile.state != ProfileState.RELEASED:
        return None
    return str(profile.activation_code)


def of_code_again(order: Order) -> Outcome:
    """Return the outcome of RETRY and REISSUE: the activation code is handed over once more."""
    sim = order.sim_in_use
    assert sim is not None  # noqa: S101 -- a completed order has its plan on a SIM
    return _without_payment(order, LineResult.NEW, sim, _code(order))


def of_activation(order: Order) -> Outcome:
    """Return the outcome of ACTIVATE: the host uses the installed profile."""
    sim = order.sim_in_use
    assert sim is not None  # noqa: S101 -- a completed order has its plan on a SIM
    return _without_payment(order, LineResult.EXISTING, sim, None)


def _without_payment(order: Order, line: LineResult, sim: Sim, code: str | None) -> Outcome:
    """Return the outcome of a visit that solves a problem of an order that was paid before."""
    return Outcome(
        UserAccount.EXISTING,
        PurchaseInstrument.NONE,
        line=line,
        mo_direct_status=MoDirectStatus.COMPLETE,
        success=True,
        iccid=sim.iccid,
        activation_code=code,
        on_esim=sim.kind == Sim.Kind.PROFILE,
        plan_name=order.plan_name,
    )


def of_leaving(visit: Visit) -> Outcome:
    """Return the outcome of a visit that the customer leaves without an order."""
    account, none = visit.user_account, PurchaseInstrument.NONE
    line = LineResult.NONE
    if visit.refused_as:
        return Outcome(UserAccount.NONE, none, line, MoDirectStatus(visit.refused_as))
    if visit.account is None:
        return _of_leaving_signed_out(visit)
    if has_sim_of_another(visit):
        return Outcome(account, none, line, MoDirectStatus.INVALID_SIM)
    return _of_leaving_at_step(visit, visit.account)


def _of_leaving_at_step(visit: Visit, customer: User) -> Outcome:
    """Return the outcome of leaving at this step, while signed in."""
    account, none = visit.user_account, PurchaseInstrument.NONE
    line, status = LineResult.NONE, MoDirectStatus.NONE
    if visit.step == "payment":
        return Outcome(account, PurchaseInstrument.BAILED, line, status)
    if visit.step == "review":
        draft = draft_of(customer)
        chosen = instrument(draft.method, visit) if draft and draft.method else none
        return Outcome(account, chosen, LineResult.BAILED, status)
    if visit.step in CHOOSING:
        return Outcome(account, none, LineResult.BAILED, status)
    return Outcome(account, none, line, status)


def _of_leaving_signed_out(visit: Visit) -> Outcome:
    """Return the outcome of a visit in which nobody signed in."""
    account, status = UserAccount.BAILED, MoDirectStatus.NONE
    if visit.failed_sign_ins >= settings.SIGN_IN_LIMIT:
        account, status = UserAccount.NONE, MoDirectStatus.LOG_ON_FAILED
    elif visit.step == "problem":
        account = UserAccount.NONE
    return Outcome(account, PurchaseInstrument.NONE, LineResult.NONE, status)


def _paid_with(order: Order, visit: Visit) -> PurchaseInstrument:
    return instrument(order.method, visit) if order.method else PurchaseInstrument.NONE


def instrument(method: PaymentMethod, visit: Visit) -> PurchaseInstrument:
    """Return whether the payment method was added in this visit.

    The operator's bill counts as existing, even if the customer pays with it for the first time.
    """
    if method.kind == MethodKind.BILL:
        return PurchaseInstrument.EXISTING
    is_new = method.created_at >= visit.launched_at
    return PurchaseInstrument.NEW if is_new else PurchaseInstrument.EXISTING
