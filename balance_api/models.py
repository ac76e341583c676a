"""What Get Balance stores about its callers: their rates and their used transaction ids."""

from django.db import models


class CallerRate(models.Model):
    """A caller's request rate, by the generic cell rate algorithm (ITU-T I.371, annex A).

    Each request moves `free_at` forward by one interval, which is 1 / BALANCE_RATE. If
    `free_at` is further ahead of the clock than the burst, the caller must wait.
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
