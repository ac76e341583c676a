"""How the desk finds lines and plans."""

from collections.abc import Iterator

from django.db.models import QuerySet

from accounts.finding import phone_number
from moportal.finding import Kind, Typed, day
from subscriptions.models import Line, SimOnLine, Subscription


def _by_number(typed: Typed) -> QuerySet[Line]:
    number = phone_number(typed).removeprefix("+")
    if not number:
        return Line.objects.none()
    return Line.objects.exclude(msisdn="").filter(msisdn=number).select_related("account")


def _by_iccid(typed: Typed) -> QuerySet[Line]:
    """Find the lines that the SIM is on, or was on."""
    if not typed.iccid:
        return Line.objects.none()
    stays = SimOnLine.objects.filter(sim__iccid=typed.iccid)
    return Line.objects.filter(pk__in=stays.values("line")).select_related("account")


def _by_reference(typed: Typed) -> QuerySet[Subscription]:
    references = {typed.text, typed.compact.upper()}
    return Subscription.objects.filter(reference__in=references)


def _facts_of_line(line: Line) -> Iterator[str]:
    yield str(line.account)
    yield f"since {day(line.created_at)}"


def _facts_of_subscription(subscription: Subscription) -> Iterator[str]:
    yield subscription.get_state_display()
    yield subscription.reference


KINDS = (
    Kind("Lines", Line, (_by_number, _by_iccid), _facts_of_line),
    Kind("Plans of customers", Subscription, (), _facts_of_subscription, (_by_reference,)),
)
