"""Messages in the admin: what was sent to whom, and what was not delivered. Never a code."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from messages.domain import writing
from messages.models import Message, SendingCall
from messages.rendering import render
from messages.states import FAILED, Channel, Occasion
from moportal.web.desk import ReadOnly, ReadOnlyInline

NOT_RESENT = (
    "it is not sent again. It is being sent already, its content was deleted, or it had a code: "
    "the customer asks for a new one."
)


class NotDelivered(admin.SimpleListFilter):
    """Messages that did not reach their reader."""

    title = "not delivered"
    parameter_name = "failed"

    def lookups(
        self, _request: HttpRequest, _model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        return [("1", "Yes")]

    def queryset(self, _request: HttpRequest, found: QuerySet[Message]) -> QuerySet[Message]:
        return found.filter(state__in=FAILED) if self.value() else found


class SendingCallInline(ReadOnlyInline, admin.TabularInline[SendingCall, Message]):
    model = SendingCall
    verbose_name_plural = "attempts"


@admin.register(Message)
class MessageAdmin(ReadOnly, admin.ModelAdmin[Message]):
    list_display = ["occasion", "key", "channel", "address", "state", "reason", "created_at"]
    list_filter = [NotDelivered, "state", "occasion", "channel"]
    search_fields = ["=key", "=address"]
    exclude = ["code", "context"]
    readonly_fields = ["text"]
    inlines = [SendingCallInline]
    actions = ["resend"]

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("customer_messages.resend_message")

    @admin.action(description="Send again (a new message)", permissions=["resend"])
    def resend(self, request: HttpRequest, chosen: QuerySet[Message]) -> None:
        """Send the chosen messages again, each as a new row."""
        for message in chosen:
            try:
                again = writing.resend(message)
            except writing.CannotResend:
                self.message_user(request, f"{message.key}: {NOT_RESENT}", messages.WARNING)
            else:
                self.log_change(request, again, f"Sent again: message {message.pk}.")
                self.message_user(request, f"{message.key}: the message is being sent again.")

    @admin.display(description="Text")
    def text(self, message: Message) -> str:
        """Show what the reader sees. A one-time code is left out."""
        if not message.context:
            return "The content was deleted."
        context = {**message.context, "code": "······"}
        channel = Channel(message.channel)
        words = render(
            Occasion(message.occasion), context, language=message.language, channel=channel
        )
        return "\n\n".join(part for part in (words.subject, words.text) if part)
