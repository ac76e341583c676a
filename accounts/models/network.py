"""What the operator's network said about phone numbers, and the codes that it sent and checked."""

from django.db import models
from django.db.models import Q

from accounts.code_services.base import ServiceRefusal
from accounts.models.codes import CodeRequest
from accounts.number_checks.base import Question
from accounts.states import TypedVerdict
from moportal.sealed import SealedField
from outbox.calls import OutsideCall


class NumberCheck(OutsideCall):
    """One question to the network: whether this number changed hands since a time."""

    number = models.CharField(max_length=16, help_text="In E.164, such as +1….")
    question = models.CharField(max_length=10, choices=Question)
    since = models.DateTimeField()
    changed = models.BooleanField(null=True, blank=True)

    class Meta(OutsideCall.Meta):
        constraints = [
            models.CheckConstraint(
                name="number_question_known", condition=Q(question__in=Question.values)
            ),
            models.CheckConstraint(
                name="answered_number_check_has_its_answer",
                condition=Q(outcome=OutsideCall.Outcome.ANSWERED, changed__isnull=False)
                | ~Q(outcome=OutsideCall.Outcome.ANSWERED) & Q(changed__isnull=True),
            ),
        ]
        indexes = [models.Index(name="number_checks_latest", fields=["number", "-sent_at"])]

    def __str__(self) -> str:
        return f"{self.get_question_display()}, {self.number}"


class TypedCode(models.Model):
    """A code that a customer typed, and that the operator's service must check.

    The code is deleted when there is a verdict.
    """

    request = models.ForeignKey(CodeRequest, on_delete=models.CASCADE, related_name="typed_codes")
    code = SealedField(blank=True)
    verdict = models.CharField(max_length=7, choices=TypedVerdict, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="typed_verdict_known", condition=Q(verdict__in=["", *TypedVerdict.values])
            ),
            models.CheckConstraint(
                name="typed_code_is_deleted_with_its_verdict",
                condition=Q(verdict="") | Q(code=""),
            ),
            models.UniqueConstraint(
                name="one_unchecked_code_per_request",
                fields=["request"],
                condition=Q(verdict=""),
            ),
        ]

    def __str__(self) -> str:
        return self.verdict or "being checked"


class CodeServiceCall(OutsideCall):
    """One call of the operator's service for one-time codes: to send a code, or to check one."""

    class Operation(models.TextChoices):
        SEND = "send", "Send a code"
        CHECK = "check", "Check a code"

    request = models.ForeignKey(CodeRequest, on_delete=models.CASCADE, related_name="service_calls")
    # What the customer typed, if this call checks it.
    typed = models.ForeignKey(
        TypedCode, null=True, blank=True, on_delete=models.CASCADE, related_name="calls"
    )
    operation = models.CharField(max_length=5, choices=Operation)
    identifier = models.CharField(
        max_length=36, blank=True, help_text="The service's identifier of the sending."
    )
    refusal = models.CharField(max_length=11, choices=ServiceRefusal, blank=True)

    class Meta(OutsideCall.Meta):
        constraints = [
            models.CheckConstraint(
                name="code_service_call_has_its_subject",
                condition=Q(operation="send", typed__isnull=True)
                | Q(operation="check", typed__isnull=False),
            ),
            models.CheckConstraint(
                name="answered_sending_has_an_identifier",
                condition=~Q(operation="send", outcome=OutsideCall.Outcome.ANSWERED)
                | ~Q(identifier=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_operation_display()}: {self.get_outcome_display()}"
