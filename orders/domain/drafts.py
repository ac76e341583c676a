"""The draft: what the customer has chosen so far. Nothing is lost, nothing is mixed up.

Every change is a compare-and-set on the draft's version: a form of another draft or of an older
version raises `StaleForm` and changes nothing (docs/contract.md#nothing-is-lost).
"""

import uuid
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.urls import reverse
from django.utils.translation import get_language

from accounts.models import User
from esim.models import Sim
from mobileplans.domain import visits
from mobileplans.models import Visit
from moportal.money import Money
from orders.models import Draft
from payments.domain import pages
from payments.models import CardPage, PaymentMethod
from plans import queries
from plans.queries import Offer, PlanNotOffered

DEVICE_AND_PLACE = ("eid", "iccid", "iccids", "market", "location")


class StaleForm(Exception):
    """The form was shown for another draft, or before the draft changed."""


class MethodRemoved(Exception):
    """The customer has removed this payment method."""


@dataclass(frozen=True)
class PriceChange:
    """The catalogue's price moved between choosing and reviewing."""

    old: Money
    new: Money


def open_draft(account: User, visit: Visit) -> Draft:
    """Return the account's open draft, taken over by this visit; a new one where there is none."""
    draft, _ = Draft.objects.select_related("plan", "method").get_or_create(
        account=account, submitted_at=None, defaults={"visit": visit}
    )
    if draft.visit_id != visit.pk:
        _take_over(draft, visit)
    return draft


def _take_over(draft: Draft, visit: Visit) -> None:
    """Let a later visit go on with the draft; forms shown for another device are then old."""
    before = draft.visit
    if before.is_open_web and visit.is_open_web and before.eid and not visit.eid:
        # What was typed or shared is not asked for again.
        given = Visit.EidFrom(before.eid_from)
        visits.set_device(visit, eid=before.eid, imei=before.imei, source=given)
    is_same = all(getattr(before, name) == getattr(visit, name) for name in DEVICE_AND_PLACE)
    changes: dict[str, object] = {"visit": visit}
    if not is_same:
        changes |= {"version": F("version") + 1, "sim": None, "wants_new_esim": False}
    Draft.objects.filter(pk=draft.pk, submitted_at=None, visit=before).update(**changes)
    draft.refresh_from_db()


def offer_of(draft: Draft, plan_id: int) -> Offer:
    """Return the plan as this visit sees it, or raise `PlanNotOffered`."""
    visit = draft.visit
    language = get_language() or settings.LANGUAGE_CODE
    return queries.offer(plan_id, market=visit.market, location=visit.location, language=language)


def choose_plan(draft: Draft, offer: Offer, *, version: int) -> None:
    """Put a plan into the draft with its price as shown."""
    _change(draft, version, **_priced(offer))


def choose_method(draft: Draft, method: PaymentMethod, *, version: int) -> None:
    """Say how it is paid; raises `MethodRemoved` where the customer has just removed that.

    A card that is still being typed elsewhere is then stored, but not chosen.
    """
    with transaction.atomic():
        # Held, so that it cannot be removed between the look and the choice; not against an order
        # that is placed at the same moment and only points to it.
        held = PaymentMethod.objects.select_for_update(no_key=True).get(pk=method.pk)
        if held.removed_at:
            raise MethodRemoved(held.pk)
        _change(draft, version, method=held, card_page=None)


def drop_method(method: PaymentMethod, **_of_signal: Any) -> None:
    """Let no open draft be paid with what its customer has removed; forms shown with it are old."""
    mine = Draft.objects.filter(method=method, submitted_at=None)
    mine.update(method=None, version=F("version") + 1)


def type_new_card(draft: Draft, *, version: int) -> CardPage:
    """Have the gateway open a page for a new card; while that is under way, it is the same page.

    However often and from however many tabs it is asked for: the form's version counts only where
    a page is to be made.
    """
    page = draft.card_page
    if page is None or not page.is_under_way:
        try:
            return _new_card_page(draft, version)
        except StaleForm:
            draft.refresh_from_db()
            page = draft.card_page
            if page is None or not page.is_under_way:
                raise
    pages.allow_redirect(page)
    return page


def _new_card_page(draft: Draft, version: int) -> CardPage:
    key = uuid.uuid4()
    portal: str = settings.PORTAL_URL
    return_url = portal.rstrip("/") + reverse("card-returned", args=[key])
    with transaction.atomic():
        page = pages.request_page(draft.account, key=key, return_url=return_url)
        _change(draft, version, card_page=page)
    return page


def take_card(page: CardPage, **_of_signal: Any) -> None:
    """Choose the card that was typed, where the draft that it was typed for still waits for it."""
    waiting = Draft.objects.filter(card_page=page, submitted_at=None)
    waiting.update(method=page.method, version=F("version") + 1)


def choose_target(draft: Draft, sim: Sim | None, *, version: int) -> None:
    """Say what the plan goes on: a profile that is there, or a new eSIM."""
    _change(draft, version, sim=sim, wants_new_esim=sim is None)


def keep_target(draft: Draft, sim: Sim | None) -> None:
    """Write down what the review page shows the plan to go on: that, or nothing, is ordered."""
    shown = (sim.pk if sim else None, sim is None)
    is_card = sim is not None and sim.kind == Sim.Kind.PHYSICAL
    if not is_card and (draft.sim_id, draft.wants_new_esim) != shown:
        choose_target(draft, sim, version=draft.version)


def name_device(
    draft: Draft, eid: str, *, version: int, given: Visit.EidFrom, imei: str = ""
) -> None:
    """Bind the draft to a device that no launch has named (docs/contract.md#open-web).

    Counted as a change of the draft, so that a review of another device cannot be submitted.
    """
    with transaction.atomic():
        _change(draft, version, sim=None, wants_new_esim=True)
        visits.set_device(draft.visit, eid=eid, imei=imei, source=given)


def bring_up_to_date(draft: Draft) -> PriceChange | None:
    """Let the draft take the catalogue's price before it is reviewed; return a change to be shown.

    Raises `PlanNotOffered`, and then the draft has no plan any more.
    """
    old = draft.price.gross
    try:
        offer = offer_of(draft, draft.plan_id or 0)
    except PlanNotOffered:
        _change(draft, draft.version, plan=None)
        raise
    fields = _priced(offer)
    if all(getattr(draft, name) == value for name, value in fields.items()):
        return None
    _change(draft, draft.version, **fields)
    new = draft.price.gross
    return PriceChange(old, new) if new != old else None


def _priced(offer: Offer) -> dict[str, object]:
    taxed = offer.price.taxed
    return {
        "plan": offer.plan,
        "plan_name": offer.name,
        "gross_minor_units": taxed.gross.minor_units,
        "tax_minor_units": taxed.tax.minor_units,
        "tax_rate": offer.price.tax_rate,
        "currency": taxed.gross.currency,
    }


def _change(draft: Draft, version: int, **fields: object) -> None:
    mine = Draft.objects.filter(pk=draft.pk, version=version, submitted_at=None)
    if not mine.update(version=F("version") + 1, **fields):
        raise StaleForm(draft.pk)
    draft.refresh_from_db()
