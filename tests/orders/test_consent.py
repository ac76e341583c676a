"""Buying a plan that renews: the customer's consent, the methods that fit, and the mandate."""

import html
import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils.timezone import now
from django.utils.translation import override
from pytest_django.fixtures import Settings

from accounts.models import AccountMessage, User
from messages.rendering import render
from messages.states import Occasion
from mobileplans.models import Visit
from orders.domain import placing
from orders.domain.consent import ConsentMissing, consent_text
from orders.domain.drafts import StaleForm
from orders.models import Draft, Order
from orders.states import OrderState
from payments.domain import cards
from payments.gateways.base import Ability
from payments.gateways.simulator import SimulatorGateway
from payments.models import Mandate, PaymentMethod
from payments.states import MethodKind
from subscriptions.domain import cancelling
from subscriptions.domain.bounds import TOLD_BEFORE
from subscriptions.models import Subscription
from tests.builders import make_draft, make_method, make_plan, make_pool, payment_of, place
from tests.orders.conftest import new_card, settled
from tests.orders.journey import ready, sent, where
from tests.payments.stripe import pay_on_page
from tests.subscriptions.renewals import make_monthly

CONSENT = (
    "I agree that Kestrel Mobile charges $25.00 to Visa ending in 4242 every month until I cancel."
)
STOP = "You can cancel at any time in your account. The plan then ends with the paid month."
NEEDS_METHOD = "Your plan needs a payment method before it renews on"
BOX = r'<input type="checkbox"\s+name="consent"[^>]*>'


@pytest.fixture
def monthly(shopping: Client, alice: User, gateway: str, smdp: str, network: str) -> Draft:
    """Return Alice's draft of a monthly plan, with a card that is approved."""
    make_pool()
    visit = Visit.objects.latest("pk")
    return make_draft(alice, visit=visit, plan=make_monthly(), method=new_card(alice))


def words(browser: Client, path: str) -> str:
    return html.unescape(browser.get(path).text)


def box(page: str) -> str:
    found = re.search(BOX, page)
    return found[0] if found else ""


def in_a_month(page: str) -> bool:
    return bool(re.search(rf"Renews on [A-Z][a-z]+ \d+ for \$25\.00\. {re.escape(STOP)}", page))


def test_the_review_asks_for_consent_with_amount_and_interval_in_an_empty_box(
    shopping: Client, monthly: Draft
) -> None:
    page = words(shopping, "/review/")

    assert f'value="{CONSENT}"' in box(page)
    assert "checked" not in box(page)
    assert page.count(CONSENT) == 2
    assert in_a_month(page)


def test_without_a_tick_the_page_comes_back_with_an_error_at_the_box(
    shopping: Client, monthly: Draft
) -> None:
    shopping.get("/review/")
    monthly.refresh_from_db()

    assert where(shopping.post("/review/", sent(monthly))) == (303, "/review/")

    page = words(shopping, "/review/")
    assert 'aria-describedby="id_consent_error"' in box(page)
    assert "Tick this box if you agree." in page
    assert 'href="#id_consent"' in page
    assert not Order.objects.exists()
    assert Draft.objects.get().version == monthly.version
    assert "Tick this box" not in words(shopping, "/review/")


def test_the_consent_is_kept_with_the_order_as_it_was_shown(
    shopping: Client, alice: User, monthly: Draft
) -> None:
    before = now()

    answers = {where(shopping.post("/review/", sent(monthly, consent=CONSENT))) for _ in range(2)}

    order = Order.objects.get()
    assert answers == {(303, f"/orders/{order.number}/")}
    assert (order.renews, order.consent_text, order.language) == (True, CONSENT, "en")
    assert order.consented_at is not None
    assert before < order.consented_at < now()


def test_a_consent_to_another_text_is_none(shopping: Client, monthly: Draft) -> None:
    other = CONSENT.replace("25.00", "20.00")

    assert where(shopping.post("/review/", sent(monthly, consent=other))) == (303, "/review/")

    assert "Your choices changed" in words(shopping, "/review/")
    assert not Order.objects.exists()


def test_the_tick_is_still_there_after_signing_in_again(
    shopping: Client, alice: User, monthly: Draft
) -> None:
    shopping.logout()
    shopping.post("/review/", sent(monthly, consent=CONSENT))
    shopping.force_login(alice)

    assert "checked" in box(words(shopping, "/review/"))


def test_a_plan_that_is_paid_once_asks_for_nothing(
    shopping: Client, alice: User, gateway: str
) -> None:
    draft = ready(alice)
    page = words(shopping, "/review/")
    draft.refresh_from_db()

    shopping.post("/review/", sent(draft))

    order = Order.objects.get()
    assert box(page) == ""
    assert "Renews on" not in page
    assert (order.renews, order.consent_text, order.consented_at) == (False, "", None)


def test_the_domain_refuses_too(monthly: Draft) -> None:
    with pytest.raises(ConsentMissing):
        placing.place(monthly, version=monthly.version)
    with pytest.raises(StaleForm):
        placing.place(monthly, version=monthly.version, consent="something else")


def test_the_consent_becomes_the_mandate_of_the_plan(
    shopping: Client, alice: User, monthly: Draft
) -> None:
    order = settled(place(monthly))

    subscription, mandate = Subscription.objects.get(), Mandate.objects.get()
    assert order.state == OrderState.COMPLETED
    assert subscription.mandate == mandate
    assert (mandate.method, mandate.purpose) == (payment_of(order).method, order.number)
    assert (mandate.text, mandate.language) == (CONSENT, "en")
    assert (mandate.transaction_id, mandate.limit) == ("T1", order.price.gross)
    assert mandate.agreed_at == order.consented_at
    assert subscription.due_at is not None
    assert subscription.due_at + TOLD_BEFORE == subscription.periods.get().ends_at


def test_the_mandate_says_what_the_customer_read_in_their_language(
    shopping: Client, alice: User, monthly: Draft
) -> None:
    with override("de"):
        order = place(monthly)

    settled(order)

    mandate = Mandate.objects.get()
    assert mandate.language == "de"
    assert mandate.text.startswith("Ich bin einverstanden, dass Kestrel Mobile jeden Monat 25,00")


def told(order: Order) -> str:
    (row,) = AccountMessage.objects.filter(occasion=Occasion.ORDER_CONFIRMED)
    return html.unescape(render(Occasion.ORDER_CONFIRMED, row.context, language="en").text)


def test_a_plan_that_costs_nothing_has_a_mandate_and_no_payment(
    monthly: Draft, alice: User
) -> None:
    free = make_monthly(code="free", minor_units=0)
    draft = make_draft(alice, visit=monthly.visit, plan=free, method=monthly.method)

    order = settled(place(draft))

    assert (order.state, order.payment) == (OrderState.COMPLETED, None)
    mandate = Subscription.objects.get().mandate
    assert mandate is not None
    assert (mandate.method, str(mandate.limit)) == (draft.method, "$0.00")


def test_the_confirmation_says_when_the_plan_renews_and_how_to_stop_it(
    shopping: Client, alice: User, monthly: Draft
) -> None:
    order = settled(place(monthly))

    assert in_a_month(words(shopping, f"/orders/{order.number}/"))
    assert f"for $25.00. {STOP}" in told(order)
    cancelling.cancel(Subscription.objects.get())
    assert "Renews on" not in words(shopping, f"/orders/{order.number}/")
    Subscription.objects.update(state="ended", due_at=None)
    assert "Renews on" not in words(shopping, f"/orders/{order.number}/")


def remove_card(_patch: pytest.MonkeyPatch) -> None:
    cards.remove(PaymentMethod.objects.get())


def charge_with_the_customer_only(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SimulatorGateway, "abilities", SimulatorGateway.abilities - {Ability.OFF_SESSION})


@pytest.mark.parametrize("lose", [remove_card, charge_with_the_customer_only])
def test_without_a_mandate_the_order_completes_and_a_method_is_asked_for(
    shopping: Client,
    monthly: Draft,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    lose: Callable[[pytest.MonkeyPatch], None],
) -> None:
    order = place(monthly)
    lose(monkeypatch)

    order = settled(order)

    assert order.state == OrderState.COMPLETED
    assert any("no mandate" in str(record.msg) for record in caplog.records)
    subscription = Subscription.objects.get()
    assert subscription.mandate is None
    assert subscription.due_at is not None
    assert NEEDS_METHOD in words(shopping, f"/orders/{order.number}/")
    assert NEEDS_METHOD in told(order)


def test_a_voucher_does_not_pay_for_a_plan_that_renews(
    shopping: Client, alice: User, monthly: Draft, vouchers: str
) -> None:
    page = words(shopping, "/payment/")
    assert "Use a voucher" not in page
    assert "Not every payment method allows that." not in page

    answer = shopping.post("/payment/", sent(monthly, method="voucher", voucher="KESTREL2345"))

    assert where(answer) == (303, "/payment/")
    assert "no longer available" in words(shopping, "/payment/")
    assert not PaymentMethod.objects.filter(kind=MethodKind.VOUCHER).exists()


def voucher_of(alice: User) -> PaymentMethod:
    return PaymentMethod.objects.create(
        account=alice,
        gateway="vouchers",
        kind=MethodKind.VOUCHER,
        token="KESTREL2345",
        last4="2345",
    )


def test_a_stored_method_that_cannot_renew_is_shown_with_the_reason_and_refused(
    shopping: Client, alice: User, monthly: Draft, vouchers: str
) -> None:
    stored = voucher_of(alice)

    page = words(shopping, "/payment/")

    assert "Not every payment method allows that." in page
    assert f'value="{stored.pk}"' not in page
    assert "Not available for this purchase" in page
    Draft.objects.update(method=stored)
    assert where(shopping.get("/review/")) == (303, "/payment/")
    with pytest.raises(StaleForm):
        placing.place(monthly, version=monthly.version, consent=consent_text(monthly))


def test_a_plan_that_renews_asks_again_how_to_pay(
    shopping: Client, alice: User, vouchers: str
) -> None:
    stored, monthly = voucher_of(alice), make_monthly()
    draft = make_draft(alice, visit=Visit.objects.latest("pk"), method=stored)
    assert "Voucher ending in 2345" in words(shopping, "/review/")
    draft.refresh_from_db()

    answer = shopping.post("/plans/", sent(draft, plan=monthly.pk))

    assert where(answer) == (303, "/payment/")
    assert where(shopping.get("/review/")) == (303, "/payment/")


@pytest.fixture
def at_gateway(smdp: str, network: str, settings: Settings) -> None:
    settings.PAYMENT_CARD_ENTRY = "page"


def test_the_payment_page_of_the_gateway_keeps_the_card_of_a_plan_that_renews(
    shopping: Client, alice: User, stripe: str, at_gateway: None
) -> None:
    make_pool()
    once = make_method(alice)
    draft = make_draft(alice, visit=Visit.objects.latest("pk"), plan=make_monthly(), method=once)
    page = words(shopping, "/payment/")
    assert "Your card is kept, because this plan renews." in page
    assert 'name="keep"' not in page

    shopping.post("/payment/", sent(draft, method="new"))
    draft = Draft.objects.get()
    order = settled(place(draft))
    pay_on_page(payment_of(order).customer_step_url)
    order = settled(order)

    assert order.consent_text.endswith("to the card I use on the payment provider's page.")
    assert order.state == OrderState.COMPLETED
    mandate = Mandate.objects.get()
    assert (mandate.method, mandate.method.is_kept) == (payment_of(order).method, True)
    assert Subscription.objects.get().mandate == mandate


def test_a_page_chosen_to_pay_once_does_not_pay_for_a_plan_that_renews(
    shopping: Client, alice: User, stripe: str
) -> None:
    page = PaymentMethod.objects.create(
        account=alice, gateway="stripe", kind=MethodKind.PAGE, is_kept=False
    )
    make_draft(alice, visit=Visit.objects.latest("pk"), plan=make_monthly(), method=page)

    assert where(shopping.get("/review/")) == (303, "/payment/")


def test_plans_that_renew_are_sold_only_where_a_charge_can_be_repeated(
    shopping: Client, alice: User, vouchers: str, settings: Settings
) -> None:
    monthly, draft = make_monthly(), ready(alice)
    assert "Monthly plans" in words(shopping, "/options/")
    tile = words(shopping, "/plans/?category=recurring")
    assert in_a_month(tile)
    settings.PAYMENT_OFFERED_BY_MARKET = {"US": ["vouchers"]}

    assert "Monthly plans" not in words(shopping, "/options/")
    assert "No plans here yet" in words(shopping, "/plans/?category=recurring")
    answer = shopping.post("/plans/", sent(draft, plan=monthly.pk))

    assert where(answer) == (303, "/plans/")
    assert "This plan is no longer available." in words(shopping, "/plans/")
    assert Draft.objects.get().plan != monthly


def test_a_prepaid_plan_says_nothing_of_renewing(shopping: Client) -> None:
    make_plan()

    assert "Renews on" not in words(shopping, "/plans/?category=prepaid")
