"""The page on which staff decide about a withdrawal or cancellation that no worker carried out."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.timezone import now
from django.views.decorators.http import require_http_methods

from accounts.models import User
from moportal.money import Money
from orders.actions import NOT_RETURNED
from orders.admin.orders import staff_of
from orders.domain import answering, matching, repayment
from orders.models import Declaration, Order
from orders.states import OPEN_CASES, DeclarationKind, DeclarationState
from payments.actions import NOT_REFUNDED, PartForm
from payments.models import Payment
from subscriptions.domain.cancelling import NotRenewing

NOT_POSSIBLE: dict[type[Exception], str] = {
    **NOT_REFUNDED,
    **NOT_RETURNED,
    matching.IllegalTransition: "This case is closed, or a colleague has changed it. Reload it.",
    NotRenewing: "The plan does not renew, or has ended. There is nothing to cancel.",
}
RELATED = ("order__account", "order__visit", "order__payment__method", "order__subscription")


class MatchForm(forms.Form):
    """The order that staff have found."""

    number = forms.CharField(label="Order number", max_length=20)

    def clean_number(self) -> Order:
        """Return the order with this number."""
        order = matching.order_with_number(self.cleaned_data["number"])
        if order is None:
            raise ValidationError("There is no order with this number.")
        return order


class CloseForm(forms.Form):
    """The answer with which a case is closed. Nothing ends, and nothing is paid back."""

    because = forms.CharField(
        label="Answer",
        max_length=200,
        help_text="It is sent to the customer, so use words that the customer may read.",
    )


class CancelForm(forms.Form):
    """The cancel of a plan at the end of its period."""

    because = forms.CharField(label="Note (optional)", max_length=200, required=False)


class WithdrawForm(PartForm):
    """How much is paid back. An amount that differs from the rule's needs a reason."""

    def __init__(self, payment: Payment, proposed: Money | None, *given: Any) -> None:
        super().__init__(payment, *given)
        self.proposed = proposed
        self.fields["because"].required = False
        self.fields["because"].help_text = "Needed if the sum is not the proposed one."
        if proposed is not None:
            self.fields["amount"].initial = proposed.amount

    def clean(self) -> dict[str, Any]:
        """Ask for a reason where no rule says the sum."""
        cleaned = super().clean() or {}
        is_other = "amount" in cleaned and cleaned["amount"] != self.proposed
        if is_other and not cleaned.get("because"):
            self.add_error("because", "Say why this sum is paid back.")
        return cleaned


@require_http_methods(["GET", "HEAD", "POST"])
def decide_case(request: HttpRequest, object_id: str) -> HttpResponse:
    """Show the case and the steps that its reader may take; take one of them."""
    actor = staff_of(request)
    if not actor.has_perm("orders.settle_declaration"):
        raise PermissionDenied
    pk = object_id if object_id.isdecimal() else None
    case = get_object_or_404(Declaration.objects.select_related(*RELATED), pk=pk)
    step = request.POST.get("step", "")
    steps = _forms(case, actor, {step: request.POST} if step else {})
    form = steps.get(step)
    if form is not None and form.is_valid():
        _take(request, case, step, form.cleaned_data)
        return redirect(request.path)
    context = {
        **admin.site.each_context(request),
        "title": f"{case.get_kind_display()}, {case.contract}",
        "case": case,
        "is_open": case.state in OPEN_CASES,
        "proposed": repayment.proposed_sum(case),
        **_clock(case),
        "steps": steps,
    }
    return render(request, "admin/orders/case.html", context)


def _forms(case: Declaration, actor: User, given: dict[str, Any]) -> dict[str, forms.Form]:
    """Return the form of each step that this member of staff may take now."""
    found: dict[str, forms.Form] = {}
    if case.state not in OPEN_CASES:
        return found
    is_matched = case.state == DeclarationState.MATCHED
    if is_matched and case.order and actor.has_perm("orders.carry_out_declaration"):
        found |= _carry_out_form(case, case.order, given.get("carry_out"))
    return found | {
        "match": MatchForm(given.get("match")),
        "close": CloseForm(given.get("close")),
    }


def _carry_out_form(case: Declaration, order: Order, given: Any) -> dict[str, forms.Form]:
    """Return the form that carries the case out. An order without a price gives nothing back."""
    if case.kind == DeclarationKind.CANCEL:
        return {"carry_out": CancelForm(given)}
    payment = order.payment
    proposed = repayment.proposed_sum(case)
    return {"carry_out": WithdrawForm(payment, proposed, given)} if payment else {}


def _clock(case: Declaration) -> dict[str, Any]:
    """Return when the money must have gone back, and how many whole days that leaves."""
    by = repayment.repay_by(case)
    return {"repay_by": by, "days_left": (by - now()).days if by else None}


def _take(request: HttpRequest, case: Declaration, step: str, said: dict[str, Any]) -> None:
    """Take the step, and tell staff what came of it."""
    actor, page = staff_of(request), admin.site.get_model_admin(Declaration)
    try:
        if step == "match":
            answering.match_by_hand(case, said["number"])
        elif step == "close":
            answering.close(case, actor=actor, note=said["because"])
        else:
            because = said["because"] or case.get_kind_display()
            answering.carry_out(case, actor=actor, because=because, amount=said.get("amount"))
    except tuple(NOT_POSSIBLE) as error:
        page.message_user(request, NOT_POSSIBLE[type(error)], messages.WARNING)
        return
    done = DONE[step, case.kind] if step == "carry_out" else DONE[step, ""]
    page.log_change(request, case, done)
    page.message_user(request, done)


DONE = {
    ("match", ""): "The case now has this order.",
    ("close", ""): "The case is closed.",
    ("carry_out", DeclarationKind.CANCEL.value): "The plan is cancelled.",
    ("carry_out", DeclarationKind.WITHDRAWAL.value): (
        "The plan is being ended, and the sum paid back."
    ),
}
