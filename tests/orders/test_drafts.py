"""`orders.domain.drafts`: a draft keeps the customer's choices and refuses stale forms."""

from typing import Any

import pytest

from accounts.models import User
from orders.domain import drafts, pricing
from orders.domain.drafts import StaleForm
from orders.models import Draft
from plans.models import PlanPrice
from plans.queries import PlanNotOffered
from tests.builders import OTHER_EID, make_draft, make_plan, make_visit
from tests.races import at_once


def test_a_later_visit_continues_the_draft(alice: User) -> None:
    draft = make_draft(alice)
    later = make_visit(account=alice)

    found = drafts.open_draft(alice, later)

    assert (found, found.visit, found.version) == (draft, later, draft.version)


@pytest.mark.parametrize(
    "difference",
    [{"eid": OTHER_EID}, {"location": "GB"}, {"market": "GB"}, {"eid": "", "iccid": "1" * 19}],
)
def test_on_another_device_or_in_another_place_shown_forms_become_stale(
    alice: User, difference: dict[str, Any]
) -> None:
    draft = make_draft(alice)

    found = drafts.open_draft(alice, make_visit(account=alice, **difference))

    assert found.version == draft.version + 1


def test_a_choice_increases_the_version(alice: User) -> None:
    draft = drafts.open_draft(alice, make_visit(account=alice))
    offer = drafts.offer_of(draft, make_plan().pk)

    drafts.choose_plan(draft, offer, version=1)

    assert (draft.version, draft.plan_name, draft.price.gross.minor_units) == (2, "Traveller", 1900)


def test_a_choice_from_a_stale_form_changes_nothing(alice: User) -> None:
    draft = make_draft(alice)
    other = drafts.offer_of(draft, make_plan(code="other", minor_units=100).pk)

    with pytest.raises(StaleForm):
        drafts.choose_plan(draft, other, version=draft.version - 1)

    assert Draft.objects.get(pk=draft.pk).plan_name == "Traveller"


def test_a_plan_that_is_not_valid_at_the_location_cannot_be_chosen(alice: User) -> None:
    draft = make_draft(alice)

    with pytest.raises(PlanNotOffered):
        drafts.offer_of(draft, make_plan(code="uk", countries=("GB",)).pk)


def test_a_new_price_is_set_and_returned_as_a_change(alice: User) -> None:
    draft = make_draft(alice)
    PlanPrice.objects.update(minor_units=2100)

    change = pricing.update_price(draft)

    assert change is not None
    assert (change.old.minor_units, change.new.minor_units) == (1900, 2100)
    assert draft.price.gross.minor_units == 2100


def test_an_unchanged_price_changes_nothing(alice: User) -> None:
    draft = make_draft(alice)
    before = draft.version

    assert pricing.update_price(draft) is None
    assert draft.version == before


def test_a_plan_that_is_no_longer_on_sale_is_cleared_from_the_draft(alice: User) -> None:
    draft = make_draft(alice)
    assert draft.plan is not None
    draft.plan.is_on_sale = False
    draft.plan.save()

    with pytest.raises(PlanNotOffered):
        pricing.update_price(draft)

    assert draft.plan_id is None


@pytest.mark.django_db(transaction=True)
def test_ten_concurrent_requests_share_one_draft(alice: User) -> None:
    visit = make_visit(account=alice)

    found = at_once(lambda: drafts.open_draft(alice, visit).pk, 10)

    assert set(found) == {Draft.objects.get().pk}
