"""What customers were told."""

from django.db import models

from accounts.models.users import User
from messages.states import Occasion
from messages.values import ContextDecoder, ContextEncoder


class AccountMessage(models.Model):
    """What a customer was told, as it stands in the account, whatever becomes of its sending.

    The messages that were sent have the same occasion and key (`messages.models.Message`).
    """

    account = models.ForeignKey(User, on_delete=models.CASCADE, related_name="messages")
    occasion = models.CharField(max_length=30, choices=Occasion)
    key = models.CharField(max_length=64)
    context = models.JSONField(default=dict, encoder=ContextEncoder, decoder=ContextDecoder)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                name="account_is_told_once_per_occasion_and_key",
                fields=["account", "occasion", "key"],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.occasion} {self.key}"
