"""What the customer agrees to on the review page: shown, checked, and kept with the order.

That a plan renews is a box of its own, and becomes a mandate. That the service starts before the
term of withdrawal is over is another box, and the customer's choice. Each box sends the text that
it shows. So nobody agrees to another text than the one that was shown.

Source: docs/contract.md#subscriptions.
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import structlog
from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from brand.queries import operator, start_now_words
from orders.models import Draft, Order
from orders.states import OrderKind
from payments.domain import mandates
from payments.domain.mandates import MethodGone
from payments.gateways.base import NotOffered
from payments.models import Mandate
from payments.states import MethodKind
from plans.models import Plan
from subscriptions.domain.bounds import end_of_period

log = structlog.get_logger(__name__)


class ConsentMissing(Exception):
    """The plan renews, and the customer has not agreed to that."""


def consent_text(draft: Draft) -> str:
    """Return what the customer must agree to, in the current language.

    It is empty if the plan does not renew, or if no payment method is chosen yet.
    """
    if not draft.renews or draft.method is None:
        return ""
    names = {"operator": operator().name, "amount": draft.monthly.gross, "card": draft.method.label}
    if draft.method.kind == MethodKind.PAGE:
        return (
            _(
                "I agree that %(operator)s charges %(amount)s every month until I cancel, "
                "to the card I use on the payment provider's page."
            )
            % names
        )
    return (
        _("I agree that %(operator)s charges %(amount)s to %(card)s every month until I cancel.")
        % names
    )


def is_consent(draft: Draft, agreed: str) -> bool:
    """Return whether the customer agreed to the text that the draft shows now.

    A plan that does not renew needs no consent. Raises `ConsentMissing` if the box was not ticked.
    """
    text = consent_text(draft)
    if text and not agreed:
        raise ConsentMissing(draft.pk)
    return agreed == text if text else True


def start_now_text(draft: Draft) -> str:
    """Return the wish to start now in the current language, empty without a right to withdraw.

    A move starts no service.
    """
    if draft.kind == OrderKind.MOVE:
        return ""
    return start_now_words(draft.visit.market, get_language() or settings.LANGUAGE_CODE)


def is_start_now_text(draft: Draft, asked: str) -> bool:
    """Return whether this is the text that the review page shows now, or empty for no wish."""
    return asked in {"", start_now_text(draft)}


def renewal_day(plan: Plan, start: datetime) -> date:
    """Return the day in the operator's billing zone on which a plan that starts now renews."""
    return billing_day(end_of_period(plan, start))


def billing_day(at: datetime) -> date:
    """Return the day of this time in the operator's billing zone."""
    return at.astimezone(ZoneInfo(settings.BILLING_ZONE)).date()


def make_mandate(order: Order) -> Mandate | None:
    """Store the order's consent as a mandate of the method that has paid.

    A plan that costs nothing has a mandate too, of the method that the customer has chosen for it.

    Returns None if the plan does not renew, or if the method cannot be charged again. Then the
    order still completes, and the customer is told that the plan needs a payment method.
    """
    method = order.method or order.draft.method
    if not order.renews or method is None:
        return None
    try:
        return mandates.agree(
            method,
            purpose=order.number,
            text=order.consent_text,
            language=order.language,
            transaction_id=order.visit.transaction_id,
            limit=order.monthly.gross,
            at=order.consented_at,
        )
    except (MethodGone, NotOffered) as error:
        log.warning("no mandate", order=order.number, reason=type(error).__name__)
        return None
