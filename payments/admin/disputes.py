"""Disputes at the desk: their state, the evidence, and the decisions of staff."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html, format_html_join

from accounts.models import User
from moportal.actions import ReasonForm
from moportal.web.desk import NeedsStaffFilter, ReadOnly, ReadOnlyInline
from payments.domain import answers, disputes, evidence
from payments.models import Dispute, DisputeAnswer
from payments.states import AnswerKind, DisputeKind, DisputeState

NOT_POSSIBLE: dict[type[Exception], str] = {
    answers.NothingToAnswer: "This dispute needs no answer, or its answer is already being sent.",
    answers.NothingTaken: (
        "An inquiry has taken no money, so it cannot be accepted. Refund the charge instead."
    ),
}
# What each action and each state means, for staff who see a dispute for the first time.
MEANINGS = {
    AnswerKind.EVIDENCE: (
        "The evidence below goes to the customer's bank. It can be sent once, and the bank then"
        " decides. That may take weeks."
    ),
    AnswerKind.ACCEPT: (
        "The customer keeps the money, and the fee is not given back. This can't be undone."
    ),
}
STATES = {
    (DisputeKind.INQUIRY, DisputeState.OPENED): (
        "The bank asks about the charge. No money is taken. Answer with the evidence, or refund the"
        " charge. Without an answer the inquiry may become a dispute, which costs a fee."
    ),
    (DisputeKind.INQUIRY, DisputeState.ANSWERED): "The bank has the evidence. No money is taken.",
    (DisputeKind.INQUIRY, DisputeState.WON): "The inquiry has ended. No money was taken.",
    (DisputeKind.INQUIRY, DisputeState.LOST): "The inquiry has ended against the operator.",
    (DisputeKind.DISPUTE, DisputeState.OPENED): (
        "The bank has taken the amount and a fee. Answer with the evidence or accept the dispute."
        " Without an answer it is lost. Nothing can be refunded meanwhile."
    ),
    (DisputeKind.DISPUTE, DisputeState.ANSWERED): (
        "The bank has the evidence and decides. Nothing can be refunded meanwhile."
    ),
    (DisputeKind.DISPUTE, DisputeState.WON): "The amount has come back.",
    (DisputeKind.DISPUTE, DisputeState.LOST): "The customer keeps the amount.",
}


class AnswerInline(ReadOnlyInline, admin.TabularInline[DisputeAnswer, Dispute]):
    model = DisputeAnswer
    readonly_fields = ["kind", "state", "because", "asked_by", "asked_at", "ended_at", "last_error"]
    fields = (*readonly_fields,)


class DisputeNeedsStaff(NeedsStaffFilter):
    """Disputes that wait for staff's decision, and those whose customer has money twice."""

    def queryset(self, _request: HttpRequest, rows: QuerySet[Dispute]) -> QuerySet[Dispute]:
        cases = Q(pk__in=answers.unanswered()) | Q(pk__in=disputes.doubled())
        return rows.filter(cases) if self.value() else rows


@admin.register(Dispute)
class DisputeAdmin(ReadOnly, admin.ModelAdmin[Dispute]):
    list_display = [
        "payment",
        "kind",
        "state",
        "amount",
        "reason",
        "is_fraud",
        "due_at",
        "due_soon",
        "customer_has_twice",
    ]
    list_filter = [DisputeNeedsStaff, "state", "kind", "is_fraud", "gateway"]
    list_select_related = ["payment"]
    search_fields = ["=payment__reference", "=gateway_id"]
    ordering = ["due_at"]
    readonly_fields = ["meaning", "amount", "fee", "customer_has_twice", "evidence_text"]
    exclude = ["evidence", "minor_units", "fee_minor_units", "fee_currency"]
    inlines = [AnswerInline]
    actions = ["answer", "accept", "mark_settled"]

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("payments.decide_dispute")

    @admin.display(description="Due soon", boolean=True)
    def due_soon(self, dispute: Dispute) -> bool:
        return dispute.is_due_soon

    @admin.display(description="Paid back twice", boolean=True)
    def customer_has_twice(self, dispute: Dispute) -> bool:
        """Say whether a refund and this dispute have both given the customer the same money."""
        return dispute.taken_minor_units > dispute.counted_minor_units

    @admin.display(description="What it means")
    def meaning(self, dispute: Dispute) -> str:
        return STATES[DisputeKind(dispute.kind), DisputeState(dispute.state)]

    @admin.display(description="Evidence, as it goes to the bank")
    def evidence_text(self, dispute: Dispute) -> str:
        return show_evidence(dispute)

    @admin.action(description="Answer with this evidence", permissions=["decide"])
    def answer(self, request: HttpRequest, chosen: QuerySet[Dispute]) -> HttpResponse | None:
        """Send the evidence of one dispute, after a page that shows it and asks for a reason."""
        return self._decide(request, chosen, AnswerKind.EVIDENCE, "answer")

    @admin.action(description="Accept: the customer keeps the money", permissions=["decide"])
    def accept(self, request: HttpRequest, chosen: QuerySet[Dispute]) -> HttpResponse | None:
        """Accept one dispute, after a page that asks for a reason."""
        return self._decide(request, chosen, AnswerKind.ACCEPT, "accept")

    @admin.action(
        description="What was paid back twice is settled by other means", permissions=["decide"]
    )
    def mark_settled(self, request: HttpRequest, chosen: QuerySet[Dispute]) -> None:
        """Store that staff have settled what the customers of these disputes have twice."""
        for row in chosen:
            disputes.mark_settled(row)
            self.log_change(request, row, "Settled by staff.")

    def _decide(
        self, request: HttpRequest, chosen: QuerySet[Dispute], kind: AnswerKind, action: str
    ) -> HttpResponse | None:
        dispute = chosen.first() if chosen.count() == 1 else None
        if dispute is None:
            self.message_user(request, "Choose one dispute.", messages.WARNING)
            return None
        form = ReasonForm(request.POST if "because" in request.POST else None)
        if not form.is_valid():
            context = self._confirmation(request, dispute, kind, action)
            return render(request, "admin/payments/decide_dispute.html", {**context, "form": form})
        assert isinstance(request.user, User)  # noqa: S101 -- the admin lets in no other
        because = form.cleaned_data["because"]
        try:
            answers.request_answer(dispute, kind, because=because, actor=request.user)
        except tuple(NOT_POSSIBLE) as error:
            self.message_user(request, NOT_POSSIBLE[type(error)], messages.WARNING)
        else:
            self.message_user(request, "The decision is being sent to the gateway.")
        return None

    def _confirmation(
        self, request: HttpRequest, dispute: Dispute, kind: AnswerKind, action: str
    ) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "title": dict(self.get_action_choices(request))[action],
            "meaning": MEANINGS[kind],
            "dispute": dispute,
            "evidence": show_evidence(dispute) if kind == AnswerKind.EVIDENCE else "",
            "action": action,
        }


def show_evidence(dispute: Dispute) -> str:
    """Return the frozen evidence as HTML that can be read."""
    shown = format_html_join("", "<pre>{}</pre>", ((text,) for text in _texts(dispute)))
    return shown or format_html("{}", "There is no evidence.")


def _texts(dispute: Dispute) -> list[str]:
    return list(evidence.texts(dispute.evidence).values())
