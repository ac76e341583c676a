"""The plain twin of `balance_api.statement`: the same answers by the ORM, on any database."""

from datetime import datetime

from django.db import transaction

from balance_api.models import AnsweredTransaction, CallerRate
from balance_api.questions import BURST, Found, Question, Rules
from esim.models import Sim
from subscriptions.balances import held_by


@transaction.atomic
def look(question: Question, rules: Rules) -> Found:
    """Say whether the caller may ask, whether it has, and what the SIM holds."""
    is_admitted = admit(question.caller, question.at, rules)
    is_new = is_admitted and _remember(question, rules)
    sim = Sim.objects.filter(iccid=question.iccid).only("pk", "is_in_programme").first()
    if sim is None:
        return Found(is_admitted, is_new, None)
    return Found(is_admitted, is_new, sim.is_in_programme, held_by(sim, question.at))


def admit(caller: str, at: datetime, rules: Rules) -> bool:
    """Count one question of the caller's, and say whether it is within its limit."""
    if rules.step is None:
        return True
    rate, is_first = CallerRate.objects.get_or_create(
        caller=caller, defaults={"free_at": at + rules.step}
    )
    if is_first:
        return True
    if at + BURST < rate.free_at <= at + rules.reach:
        return False
    is_ours = rate.free_at <= at + rules.reach
    rate.free_at = (max(rate.free_at, at) if is_ours else at) + rules.step
    rate.save(update_fields=["free_at"])
    return True


def _remember(question: Question, rules: Rules) -> bool:
    """Keep the transaction id, and say whether it is a new one."""
    if rules.window is None or not question.transaction_id:
        return True
    told, is_new = AnsweredTransaction.objects.get_or_create(
        caller=question.caller,
        transaction_id=question.transaction_id,
        defaults={"at": question.at},
    )
    if is_new:
        return True
    old = AnsweredTransaction.objects.filter(pk=told.pk, at__lte=question.at - rules.window)
    return bool(old.update(at=question.at))
