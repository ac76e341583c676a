"""Texts about the plans that another device may share, and about lines and SIMs."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from esim.models import Sim
from orders.domain.attach_offers import AttachOffer, WhyNot
from subscriptions.domain import sharing
from subscriptions.models import Line, Subscription


def sim_name(sim: Sim) -> str:
    """Return how a SIM is called: by the last digits of its number."""
    is_profile = sim.kind == Sim.Kind.PROFILE
    text = _("eSIM ending in %(last4)s") if is_profile else _("SIM ending in %(last4)s")
    return text % {"last4": sim.iccid[-4:]}


def line_name(line: Line) -> str:
    """Return the customer's name for the line, its number, or the last digits of its SIM."""
    if line.name:
        return line.name
    if line.msisdn:
        return f"+{line.msisdn}"
    current = next((one for one in line.sims.all() if one.until is None), None)
    return sim_name(current.sim) if current else ""


def places(offer: AttachOffer) -> str:
    """Return how many devices may still join, and what one costs."""
    left = ngettext(
        "%(left)d more device can share it.", "%(left)d more devices can share it.", offer.left
    ) % {"left": offer.left}
    cost = _("It costs nothing extra.")
    if offer.fee is not None and offer.fee.gross.minor_units:
        cost = _("Each costs %(fee)s once.") % {"fee": offer.fee.gross}
    return f"{left} {cost}"


def why_not(plan: Subscription, reason: WhyNot) -> str:
    """Return why this plan cannot be chosen."""
    count = sharing.devices_of(plan).count()
    texts = {
        WhyNot.HERE: _("This device uses this plan already."),
        WhyNot.OPERATOR: _("This plan is on your phone bill. Call us to add a device."),
        WhyNot.SINGLE: _("This plan is for one device."),
        WhyNot.UNKNOWN: _("This plan can't be moved here. Contact our support team."),
        WhyNot.MOVING: _("This plan is moving to another device already."),
        WhyNot.OVERDUE: _("The last month isn't paid yet. Pay it in your account first."),
        WhyNot.PAUSED: _("We're looking into this plan. Contact our support team."),
        WhyNot.LOCKED: _("This line can't be changed here. Contact our support team."),
        WhyNot.FULL: ngettext(
            "%(count)d device shares it, and no more can.",
            "%(count)d devices share it, and no more can. Remove one in your account first.",
            count,
        )
        % {"count": count},
        WhyNot.OWN_PLAN: _("The SIM in this device has a plan of its own."),
    }
    return texts[reason]
