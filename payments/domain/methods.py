"""Stored payment methods: which of them can be used, and what a refusal does to one."""

from dataclasses import asdict
from datetime import timedelta

import structlog
from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.utils.timezone import now

from accounts.models import User
from moportal.database.statements import compare_and_set
from payments.domain import bills, mandates
from payments.gateways import offered_in, offers
from payments.gateways.base import Ability
from payments.gateways.values import StoredCard
from payments.models import Payment, PaymentMethod
from payments.signals import method_stopped
from payments.states import Initiator, MandateEnd, MethodKind, PaymentState

log = structlog.get_logger(__name__)
# The most refusals of one method in this time. Payments that the customer started count too
# (docs/contract.md#subscriptions). Card schemes charge fees for more.
MOST_REFUSALS = 8
REFUSAL_WINDOW = timedelta(days=14)
# Payments in these states have no result yet.
OPEN = (PaymentState.INTENDED, PaymentState.PENDING)


def store(account: User, card: StoredCard, *, gateway: str) -> PaymentMethod:
    """Store the parts of a card that may be kept. The gateway with this name has taken the card."""
    return PaymentMethod.objects.create(account=account, gateway=gateway, **asdict(card))


def stop(method: PaymentMethod, *, reason: str) -> None:
    """Never try this method again, because the bank has refused it for good. Its mandates end.

    Call it in the transaction that stores the refusal. A second call does nothing.
    """
    if compare_and_set(PaymentMethod, method.pk, {"stopped_at": None}, stopped_at=now()):
        mandates.end_all(method, reason=MandateEnd.METHOD_STOPPED)
        method_stopped.send(PaymentMethod, method=method)
        log.info("payment method stopped", method=method.pk, reason=reason)


def stored_methods(account: User) -> QuerySet[PaymentMethod]:
    """Return the methods that the customer keeps, newest first, even if they cannot pay now."""
    kept = PaymentMethod.objects.filter(account=account, removed_at=None, is_kept=True)
    # A choice of the payment page becomes a method only once the customer has paid there.
    return kept.exclude(kind=MethodKind.PAGE).order_by("-pk")


def lock(method: PaymentMethod) -> PaymentMethod:
    """Return the method as it is now, and lock its row. Call it in a transaction.

    Payments with one method are stored one after the other, so each counts those before it.
    """
    # With no_key, a row that only refers to the method can be written meanwhile.
    return PaymentMethod.objects.select_for_update(no_key=True).get(pk=method.pk)


def has_tries_left(method: PaymentMethod, *, besides: Payment | None = None) -> bool:
    """Return whether the bank may be asked again, not counting the payment `besides`."""
    tried = method.payments.filter(_may_be_refused())
    others = tried.exclude(pk=besides.pk) if besides else tried
    return others.count() < MOST_REFUSALS


def _may_be_refused(path: str = "") -> Q:
    """Match payments that the bank refused within the window, or may still refuse."""
    refused = {
        f"{path}state": PaymentState.DECLINED,
        f"{path}declined_at__gt": now() - REFUSAL_WINDOW,
    }
    return Q(**refused) | Q(**{f"{path}state__in": OPEN})


def usable_methods(account: User, *, market: str) -> list[PaymentMethod]:
    """Return the customer's methods for a new payment in this market.

    They are in the order of the market's gateways. Methods of one gateway are newest first.
    """
    usable, _switched_off = split_methods(account, market=market)
    return usable


def split_methods(account: User, *, market: str) -> tuple[list[PaymentMethod], list[PaymentMethod]]:
    """Return the usable methods, and the chargeable ones whose gateway is switched off.

    A gateway that is switched off takes no new payments in this market.
    """
    order = offered_in(market)
    chargeable = [one for one in _chargeable(stored_methods(account)) if bills.may_charge(one)]
    usable = [method for method in chargeable if method.gateway in order]
    switched_off = [method for method in chargeable if method.gateway not in order]
    return sorted(usable, key=lambda method: order.index(method.gateway)), switched_off


def new_card_ability(market: str, *, renews: bool = False) -> Ability | None:
    """Return how customers of this market pay with a new card, or None if they cannot.

    That is an ability of the market's first gateway that takes cards as PAYMENT_CARD_ENTRY says. If
    what is sold `renews`, the gateway must also take charges without the customer.
    """
    wanted = [Ability.CARD_ENTRY]
    if settings.PAYMENT_CARD_ENTRY == "page":
        wanted = [Ability.HOSTED_PAYMENT, Ability.HOSTED_PAGE]
    names = offered_in(market)
    if renews:
        names = [name for name in names if offers(name, Ability.OFF_SESSION)]
    return next((one for name in names for one in wanted if offers(name, one)), None)


def can_renew(method: PaymentMethod) -> bool:
    """Return whether the method can be charged later without the customer.

    A card that is not yet typed on the gateway's page counts, if it will be kept.
    """
    return method.is_kept and offers(method.gateway, Ability.OFF_SESSION)


def methods_without_step(account: User, *, market: str) -> list[PaymentMethod]:
    """Return the usable methods for which the bank most likely wants no confirmation.

    The gateway has no such step, or the bank wanted none for the method's last charge.
    """
    return [
        method
        for method in usable_methods(account, market=market)
        if method.kind == MethodKind.CARD
        and (not offers(method.gateway, Ability.BANK_STEP) or _was_charged_without_step(method))
    ]


def _was_charged_without_step(method: PaymentMethod) -> bool:
    by_hand = method.payments.filter(initiator=Initiator.CUSTOMER)
    last = by_hand.exclude(state=PaymentState.INTENDED).order_by("pk").last()
    return last is not None and last.was_charged and not last.customer_step_url


def is_accepted(method: PaymentMethod, *, market: str) -> bool:
    """Return whether the method can pay in this market if it has tries left (`has_tries_left`)."""
    is_gone = method.removed_at or method.stopped_at or method.is_expired
    return not is_gone and method.gateway in offered_in(market) and bills.may_charge(method)


def _chargeable(stored: QuerySet[PaymentMethod]) -> QuerySet[PaymentMethod]:
    """Return the methods that are neither stopped, nor refused too often, nor expired."""
    today = now()
    # A card can be used until the end of the month that is printed on it. Nothing else expires.
    expired = Q(expiry_year__lt=today.year) | Q(
        expiry_year=today.year, expiry_month__lt=today.month
    )
    tried = Count("payments", filter=_may_be_refused("payments__"))
    accepted = stored.filter(stopped_at=None).exclude(expired)
    return accepted.annotate(tried=tried).filter(tried__lt=MOST_REFUSALS)
