"""How long Get Balance keeps what it stores about its callers."""

from balance_api.admission import delete_old_transactions
from balance_api.models import AnsweredTransaction, CallerRate
from moportal.retention import Deleted, Kept, register

register(
    Kept(CallerRate, "one row for each caller, which the operator admits"),
    Deleted(
        AnsweredTransaction,
        "transaction ids that may be used again",
        setting="BALANCE_REPLAY_HOURS",
        delete_batch=delete_old_transactions,
        is_hourly=True,
    ),
)
