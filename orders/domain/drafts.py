"""Drafts: the customer's choices before the order is placed (docs/contract.md#nothing-is-lost).

Every change is a compare-and-set on the draft's version. A form that was shown for
another draft or an older version raises `StaleForm` and changes nothing.
"""

import uuid
from typing import Any

from django.db import transaction
from django.db.models import F

from accounts.access.limiter import Locked
from accounts.models import User
from esim.models import Sim
from mobileplans.domain import visits
from mobileplans.models import Visit
from moportal.web.links import absolute_url
from orders.domain import attach_offers, bank_step, move_offers, targets
from orders.domain.attach_offers import AttachOffer
from orders.domain.move_offers import MoveOffer
from orders.models import Draft
from orders.queries.offers import offers_for
from orders.states import OrderKind
from payments.domain import methods, new_cards, pages
from payments.models import CardPage, PaymentMethod
from plans.queries import Offer, PlanNotOffered

# With another device or place, plans, prices and SIMs may differ
# from those that were shown.
DEVICE_AND_PLACE = ("eid", "iccid", "iccids", "market", "location")
# The columns of a draft that is about no running plan.
OWN_PLAN: dict[str, Any] = {
    "kind": OrderKind.NEW_PLAN,
    "running_plan": None,
    "moves_from": None,
    "monthly_minor_units": None,
    "quoted_at": None,
}


class StaleForm(Exception):
    """The form was shown for another draft, or before the draft changed."""


class MethodRemoved(Exception):
    """The customer has removed this payment method."""


def open_draft(account: User, visit: Visit) -> Draft:
    """Return the account's open draft, or a new one, and attach it to this visit."""
    # Two tabs may come here at once. The constraint one_open_draft_per_account refuses
    # the second draft, and get_or_create then returns the first one.
    draft, _ = Draft.objects.select_related("plan", "method").get_or_create(
        account=account, submitted_at=None, defaults={"visit": visit}
    )
    if draft.visit_id != visit.pk:
        _attach(draft, visit)
    return draft


def _attach(draft: Draft, visit: Visit) -> None:
    """Attach the draft to a later visit.

    If its device or place differs, forms that were shown before become stale.
    """
    before = draft.visit
    if before.is_open_web and visit.is_open_web and before.eid and not visit.eid:
        # The customer does not have to give the EID again.
        source = Visit.EidFrom(before.eid_from)
        visits.set_device(visit, eid=before.eid, imei=before.imei, source=source)
    is_same = all(getattr(before, name) == getattr(visit, name) for name in DEVICE_AND_PLACE)
    changes: dict[str, object] = {"visit": visit}
    if not is_same:
        changes |= {"version": F("version") + 1, "sim": None, "wants_new_esim": False}
    # Race: a concurrent request may have attached the draft already. Then no row matches.
    Draft.objects.filter(pk=draft.pk, submitted_at=None, visit=before).update(**changes)
    draft.refresh_from_db()


def offer_of(draft: Draft, plan_id: int, *, new_esim: bool = True) -> Offer:
    """Return the plan as this visit sees it, or raise `PlanNotOffered`."""
    on_offer = offers_for(draft.visit, account=draft.account, new_esim=new_esim)
    offer = next((offer for offer in on_offer if offer.plan.pk == plan_id), None)
    if offer is None:
        raise PlanNotOffered(plan_id)
    return offer


def choose_plan(draft: Draft, offer: Offer, *, version: int) -> None:
    """Set a plan of its own, with the price that was shown."""
    own = OWN_PLAN
    if draft.sim is not None and targets.is_elsewhere(draft.sim, draft.visit):
        # The customer began to add data to a line of another device.
        own = OWN_PLAN | {"sim": None}
    change(draft, version, **own, **price_fields(offer))


def choose_top_up(draft: Draft, offer: Offer, sim: Sim, *, version: int) -> None:
    """Set a plan that adds data to the line of this SIM, which may be in another device."""
    target = {"sim": sim, "wants_new_esim": False}
    change(draft, version, **OWN_PLAN, **target, **price_fields(offer))


def choose_running_plan(draft: Draft, offer: AttachOffer, *, version: int) -> None:
    """Set a running plan that this device will share, with the fee that was shown."""
    about = {**OWN_PLAN, "kind": OrderKind.ATTACH, "running_plan": offer.plan}
    change(draft, version, **about, **attach_offers.price_columns(offer))


def choose_move(draft: Draft, offer: MoveOffer, *, version: int) -> None:
    """Set a running plan that is moved to this device, and the SIM that it leaves."""
    about = {**OWN_PLAN, "kind": OrderKind.MOVE, "running_plan": offer.plan}
    change(draft, version, **about | {"moves_from": offer.stay}, **move_offers.columns(offer))


def choose_method(draft: Draft, method: PaymentMethod, *, version: int) -> None:
    """Set the payment method; raises `MethodRemoved` if the customer has just removed it.

    If a card page is still open, its card will be stored, but not chosen for this draft.
    """
    with transaction.atomic():
        # The lock prevents a removal between this check and the choice. With no_key an
        # order that is placed concurrently, and only refers to the method, does not wait.
        locked = PaymentMethod.objects.select_for_update(no_key=True).get(pk=method.pk)
        if locked.removed_at:
            raise MethodRemoved(locked.pk)
        change(draft, version, method=locked, card_page=None)


def drop_method(method: PaymentMethod, **_signal: Any) -> None:
    """Clear a removed or stopped payment method from open drafts. This is a signal receiver.

    Forms that show the method become stale.
    """
    drafts = Draft.objects.filter(method=method, submitted_at=None)
    drafts.update(method=None, version=F("version") + 1)


def has_usable_method(draft: Draft) -> bool:
    """Return whether the draft has an offered method whose bank may be asked again."""
    method = draft.method
    return method is not None and has_offered_method(draft) and methods.has_tries_left(method)


def is_paid_for(draft: Draft) -> bool:
    """Return whether the payment step is done, or there is nothing to pay."""
    return not draft.needs_method or has_usable_method(draft)


def is_complete(draft: Draft) -> bool:
    """Return whether a plan is chosen, and a method that is offered if there is a price."""
    return draft.plan_id is not None and (not draft.needs_method or has_offered_method(draft))


def has_offered_method(draft: Draft) -> bool:
    """Return whether the draft has a method that its market offers and that fits the plan."""
    method = draft.method
    if method is None or not methods.is_accepted(method, market=draft.visit.market):
        return False
    return methods.can_renew(method) or not draft.renews


def open_card_page(draft: Draft, *, version: int, network: str) -> CardPage:
    """Return the draft's page for a new card, and request one at the gateway if none is open.

    Repeated requests, from any number of tabs, get the same page. Therefore the form's
    version is checked, and a card counted for the account and the network, only if a new page is
    requested. Raises `NotOffered` if the market has no gateway with such a page, and
    `accounts.access.limiter.Locked` after too many new cards.
    """
    page = draft.card_page
    if page is None or not page.is_under_way:
        try:
            return _new_card_page(draft, version, network)
        except (StaleForm, Locked):
            # Another tab may have opened a page at the same time, for the last card that was
            # allowed. Then this request uses that page.
            draft.refresh_from_db()
            page = draft.card_page
            if page is None or not page.is_under_way:
                raise
    pages.allow_redirect(page)
    bank_step.ask_for_way_to_card_page(draft.visit, page, chosen=draft.sim)
    return page


def _new_card_page(draft: Draft, version: int, network: str) -> CardPage:
    key = uuid.uuid4()
    return_url = absolute_url("card-returned", key)
    with transaction.atomic():
        # If the form is stale, the page is rolled back too. Otherwise a worker would open
        # a page at the gateway that no draft waits for.
        page = new_cards.open_page(
            draft.account,
            key=key,
            return_url=return_url,
            network=network,
            market=draft.visit.market,
            renews=draft.renews,
        )
        change(draft, version, card_page=page)
        bank_step.ask_for_way_to_card_page(draft.visit, page, chosen=draft.sim)
    return page


def take_card(page: CardPage, **_signal: Any) -> None:
    """Set a new card as the method of the draft that waits for its page: a signal receiver."""
    # A draft for which the customer has chosen another method meanwhile no longer has
    # this page (`choose_method`), so it keeps that method.
    waiting = Draft.objects.filter(card_page=page, submitted_at=None)
    waiting.update(method=page.method, version=F("version") + 1)


def choose_target(draft: Draft, sim: Sim | None, *, version: int) -> None:
    """Set the target: an installed profile, or a new eSIM if `sim` is None."""
    change(draft, version, sim=sim, wants_new_esim=sim is None)


def store_shown_target(draft: Draft, sim: Sim | None) -> None:
    """Store the target that the review page shows, so that no other target is ordered."""
    if draft.kind == OrderKind.CHANGE:
        return
    # A SIM card comes from the visit, not from a choice, so the draft does not store it.
    is_card = sim is not None and sim.kind == Sim.Kind.PHYSICAL
    shown = (sim.pk if sim else None, sim is None)
    is_stored = (draft.sim_id, draft.wants_new_esim) == shown
    if not is_card and not is_stored:
        choose_target(draft, sim, version=draft.version)


def name_device(
    draft: Draft, eid: str, *, version: int, given: Visit.EidFrom, imei: str = ""
) -> None:
    """Set the device that the customer named on the open web (docs/contract.md#open-web).

    This changes the draft's version, so a review page that shows another device is stale.
    """
    with transaction.atomic():
        # The version is checked before the visit changes: a stale
        # form must not name a device.
        change(draft, version, sim=None, wants_new_esim=True)
        visits.set_device(draft.visit, eid=eid, imei=imei, source=given)


def price_fields(offer: Offer) -> dict[str, object]:
    """Return the columns of a draft for this offer."""
    return {"plan": offer.plan, **offer.price_columns}


def change(draft: Draft, version: int, **fields: object) -> None:
    """Change the draft by compare-and-set and raise its version, or raise `StaleForm`."""
    unchanged = Draft.objects.filter(pk=draft.pk, version=version, submitted_at=None)
    if not unchanged.update(version=F("version") + 1, **fields):
        raise StaleForm(draft.pk)
    draft.refresh_from_db()
