"""Builders of test data: each makes the smallest valid object, with details by keyword."""

from datetime import UTC, datetime
from itertools import count
from typing import Any

from accounts.models import User
from brand.models import Notice, Operator
from esim.models import Sim, SmdpProvider
from mobileplans.models import Visit
from moportal.identifiers import Iccid
from orders.domain import drafts, pausing, placing
from orders.domain.consent import consent_text
from orders.domain.sales import sale_of
from orders.models import Draft, Order, SalesPause
from payments.domain.receipts import issue_credit_note, issue_receipt
from payments.models import CreditNote, Payment, PaymentMethod, Receipt
from payments.states import RefundKind
from plans.models import Category, Plan, PlanCountry, PlanPrice, PlanText

PREFIX = "8944999"
EID = "89049032123451234512345678901235"
OTHER_EID = "89049032000000000000000000000066"
GB = 10**9
IN_2026 = datetime(2026, 11, 30, 12, tzinfo=UTC)
_serial = count(1)


def make_operator(*, name: str = "Kestrel Mobile", default_market: str = "US") -> Operator:
    operator, _ = Operator.objects.get_or_create(
        pk=1,
        defaults={
            "name": name,
            "support_phone": "+1 555 0142",
            "support_email": "help@kestrel.example",
            "support_hours": "always",
            "default_market": default_market,
            "legal_name": "Kestrel Mobile, Inc.",
            "legal_address": "100 Example Avenue\nSpringfield, IL 62701",
            "tax_number": "00-1234567",
        },
    )
    return operator


def make_provider(*, code: str = "one", smdp_host: str = "smdp.example") -> SmdpProvider:
    provider, _ = SmdpProvider.objects.get_or_create(
        code=code, defaults={"smdp_host": smdp_host, "requester_identifier": "2.999.10"}
    )
    return provider


def make_iccid() -> Iccid:
    return Iccid.numbered(PREFIX, next(_serial))


def make_pool(
    size: int = 3, *, profile_type: str = "consumer", provider: SmdpProvider | None = None
) -> list[Sim]:
    """Create free eSIM profiles of one type, in the order in which the pool assigns them."""
    provider = provider or make_provider()
    return [
        Sim.objects.create(
            iccid=make_iccid(),
            kind=Sim.Kind.PROFILE,
            profile_type=profile_type,
            provider=provider,
        )
        for _ in range(size)
    ]


def make_card(*, is_in_programme: bool = True) -> Sim:
    """Create a physical SIM that is on no line."""
    return Sim.objects.create(
        iccid=make_iccid(), kind=Sim.Kind.PHYSICAL, is_in_programme=is_in_programme
    )


def make_plan(
    *,
    code: str = "traveller",
    category: str = Category.PREPAID,
    data_bytes: int | None = 5 * GB,
    validity_days: int = 30,
    countries: tuple[str, ...] = ("US", "CA"),
    market: str = "US",
    minor_units: int = 1900,
    currency: str = "USD",
    tax_rate: int = 900,
    more_devices: int = 0,
    device_fee: int = 0,
) -> Plan:
    plan = Plan.objects.create(
        code=code,
        category=category,
        data_bytes=data_bytes,
        validity_days=validity_days,
        more_devices=more_devices,
    )
    PlanCountry.objects.bulk_create(PlanCountry(plan=plan, country=name) for name in countries)
    PlanPrice.objects.create(
        plan=plan,
        market=market,
        minor_units=minor_units,
        currency=currency,
        tax_rate=tax_rate,
        device_minor_units=device_fee,
    )
    PlanText.objects.create(plan=plan, language="en", name=code.title(), terms="Data only.")
    return plan


def make_visit(
    *,
    account: User | None = None,
    eid: str = EID,
    iccid: str = "",
    iccids: tuple[str, ...] = (),
    market: str = "US",
    location: str = "US",
    transaction_id: str = "MSFT_1",
    step: str = "",
) -> Visit:
    return Visit.objects.create(
        transaction_id=transaction_id,
        eid=eid,
        eid_from=Visit.EidFrom.LAUNCH if eid else "",
        iccid=iccid,
        iccids=list(iccids),
        market=market,
        location=location,
        account=account,
        step=step,
    )


def make_method(account: User, *, last4: str = "4242", brand: str = "Visa") -> PaymentMethod:
    """Create a stored card that no gateway knows."""
    return PaymentMethod.objects.create(
        account=account,
        gateway="simulator",
        token="tok_unknown",
        brand=brand,
        last4=last4,
        expiry_month=12,
        expiry_year=2099,
    )


def make_draft(
    account: User,
    *,
    visit: Visit | None = None,
    plan: Plan | None = None,
    method: PaymentMethod | None = None,
) -> Draft:
    """Create a draft that can be submitted."""
    visit = visit or make_visit(account=account)
    draft = drafts.open_draft(account, visit)
    offer = drafts.offer_of(draft, (plan or make_plan()).pk)
    drafts.choose_plan(draft, offer, version=draft.version)
    drafts.choose_method(draft, method or make_method(account), version=draft.version)
    return draft


def make_order(account: User, **of_draft: object) -> Order:
    """Create an order that was just submitted."""
    draft = make_draft(account, **of_draft)  # type: ignore[arg-type]  # the draft's own keywords
    return place(draft)


def place(draft: Draft) -> Order:
    """Submit the draft. If its plan renews, the customer has agreed to that."""
    return placing.place(draft, version=draft.version, consent=consent_text(draft))


def payment_of(order: Order) -> Payment:
    """Return the order's payment. The order must have one."""
    assert order.payment is not None
    return order.payment


def make_receipt(order: Order, *, at: datetime = IN_2026) -> Receipt:
    """Issue the order's receipt, as its completion does."""
    receipt = issue_receipt(payment_of(order), sale_of(order, at=at), at=at)
    assert receipt is not None
    return receipt


def make_credit_note(
    receipt: Receipt, minor_units: int = 500, *, at: datetime = IN_2026
) -> CreditNote:
    """Issue the credit note of a refund that the gateway has confirmed."""
    refund = receipt.payment.refunds.create(
        minor_units=minor_units, kind=RefundKind.GOODWILL, reason="slow", state="done", ended_at=at
    )
    return issue_credit_note(refund, receipt, at=at)


PAUSED = "Sales are paused until noon."


def make_pause(*, text: str = PAUSED, **choice: Any) -> SalesPause:
    """Let staff pause the sales that the choice covers."""
    staff, _ = User.objects.get_or_create(username="sofia@staff.example", is_staff=True)
    pause = SalesPause(text=text, because="INC-7", **choice)
    pausing.begin(pause, actor=staff)
    return pause


def make_notice(*, text: str = "Top-ups are slow today.", **more: Any) -> Notice:
    return Notice.objects.create(text=text, **more)
