"""What the customer reads about a plan: what comes next, and how many days are left."""

from datetime import datetime, timedelta

from django.utils.formats import date_format
from django.utils.timezone import localtime, now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from payments import refusal_texts
from payments.models import Payment
from payments.states import Initiator, RefusalKind
from subscriptions.domain.outlook import Next, Outlook
from subscriptions.domain.price_changes import NewPrice
from subscriptions.models import Subscription

DAY = timedelta(days=1)
HOUR_IN_MINUTES = 60
WHAT_NEXT = {
    Next.ENDED: gettext_lazy("Ended on %(date)s"),
    Next.RUNS_OUT: gettext_lazy("Valid until %(date)s"),
    Next.PARKED: gettext_lazy("We're looking into this plan"),
    Next.CANCELLED: gettext_lazy("Cancelled: ends on %(date)s"),
    Next.ON_HOLD: gettext_lazy("On hold since %(since)s"),
    Next.OVERDUE: gettext_lazy("Payment overdue: pay %(amount)s by %(date)s"),
    Next.NEEDS_METHOD: gettext_lazy("Choose how to pay: %(amount)s is due on %(date)s"),
    Next.RENEWS: gettext_lazy("Renews on %(date)s for %(amount)s"),
}
NOTES = {
    Next.PARKED: gettext_lazy("Nothing is charged meanwhile. You don't have to do anything."),
    Next.ON_HOLD: gettext_lazy(
        "A new month begins when you pay %(amount)s. You owe nothing for the time on hold. "
        "If you don't pay, the plan ends on %(date)s."
    ),
    Next.OVERDUE: gettext_lazy("Until then you can use a small part of your data."),
    Next.NEEDS_METHOD: gettext_lazy("We can't charge your payment method any more."),
}


def what_next(outlook: Outlook) -> str:
    """Return what comes next for the plan, in a few words."""
    is_free = outlook.next == Next.RENEWS and not (outlook.amount and outlook.amount.minor_units)
    text = _("Renews on %(date)s") if is_free else str(WHAT_NEXT[outlook.next])
    if outlook.next == Next.RENEWS and outlook.change is not None:
        text = _("Changes to %(plan)s on %(date)s for %(amount)s")
    return text % _values(outlook)


def note(outlook: Outlook) -> str:
    """Return what else the customer must know about it, or an empty text."""
    text = NOTES.get(outlook.next)
    return str(text) % _values(outlook) if text else ""


def time_given_back(subscription: Subscription) -> str:
    """Return what became of the time that a failed download has cost, or an empty text."""
    if subscription.lost_time is None:
        return ""
    periods = subscription.periods.all()
    longer = next((period for period in periods if period.given_back), None)
    if longer is None:
        return _(
            "The download of your eSIM failed at first. The time that you lost is added to the "
            "next month that you pay for."
        )
    if longer.usable_until is None or longer.usable_until <= now():
        return ""
    text = _(
        "The download of your eSIM failed at first. You got the lost time back: "
        "the plan now runs until %(date)s."
    )
    return text % {"date": day(longer.usable_until)}


def new_price(found: NewPrice) -> str:
    """Return what is said of a new price that is not paid yet."""
    values = {"date": day(found.starts_at), "new": found.notice.change.price, "old": found.old}
    if found.chosen:
        text = _(
            "From %(date)s, %(plan)s costs %(new)s a month instead of %(old)s. If you don't agree, "
            "undo the change, or cancel before that day: you then pay the old price until the plan "
            "ends."
        )
        return text % {**values, "plan": found.chosen.plan_name}
    text = _(
        "From %(date)s this plan costs %(new)s a month instead of %(old)s. If you don't agree, "
        "cancel before that day: you then pay the old price until the plan ends."
    )
    return text % values


def day(moment: datetime | None) -> str:
    """Return the day of this moment as the customer reads it."""
    return date_format(localtime(moment), "DATE_FORMAT") if moment else ""


def days_left(until: datetime) -> str:
    """Return how many whole days are left, such as "12 days left"."""
    days = max(until - now(), timedelta()) // DAY
    if not days:
        return _("Less than a day left")
    return ngettext("%(days)s day left", "%(days)s days left", days) % {"days": days}


def time_left(until: datetime) -> str:
    """Return how much time is left, rounded up, such as "29 minutes" or "2 hours"."""
    minutes = -(-max(until - now(), timedelta()) // timedelta(minutes=1))
    if minutes <= HOUR_IN_MINUTES:
        return ngettext("%(left)d minute", "%(left)d minutes", minutes) % {"left": minutes}
    hours = -(-minutes // HOUR_IN_MINUTES)
    return ngettext("%(left)d hour", "%(left)d hours", hours) % {"left": hours}


def why_refused(payment: Payment) -> str:
    """Return why the bank refused to pay for the plan."""
    if payment.initiator == Initiator.CUSTOMER:
        return refusal_texts.why_refused(payment)
    names = {"method": payment.method.label}
    if payment.refusal_kind == RefusalKind.CUSTOMER:
        return _("Your bank wants you to confirm the payment with %(method)s.") % names
    return _("%(method)s was declined. You haven't been charged.") % names


def _values(outlook: Outlook) -> dict[str, str]:
    return {
        "date": day(outlook.at),
        "since": day(outlook.since),
        "amount": str(outlook.amount or ""),
        "plan": outlook.change.plan_name if outlook.change else "",
    }
