"""What Get Balance remembers of its callers: how often they ask, and what it has answered."""

from django.db import models


class CallerRate(models.Model):
    """How far a caller has come in what it may ask: one row each, moved by every request.

    It is the generic cell rate algorithm (ITU-T I.371, annex A): a request moves `free_at` on by
    the time that one request is worth; who is more than the burst ahead of the clock has to wait.
    """

    caller = models.CharField(max_length=64, primary_key=True)
    free_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.caller


class AnsweredTransaction(models.Model):
    """A transaction id that was answered 200 or 404. For a set time it is refused with 409.

    Source: docs/contract.md#get-balance.
    """

    pk = models.CompositePrimaryKey("caller", "transaction_id")
    caller = models.CharField(max_length=64)
    transaction_id = models.CharField(max_length=128)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.transaction_id
