"""`manage.py load_demo`: Kestrel Mobile, its catalogue, its SIMs, a customer and a staff member."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction
from django.utils.timezone import now

from accounts.domain import proofs
from accounts.models import User
from accounts.states import ProofKind
from brand.domain import store_logo
from brand.models import LegalText, Operator
from demo.brands import BRANDS
from demo.catalogue import GB, KINDS, LEGAL, LEGAL_VERSION, MARKETS, PLAN_TERMS, WORLD, PlanKind
from esim.models import Sim, SmdpProvider
from esim.states import SimState
from moportal.identifiers import Iccid
from outbox.models import Heartbeat
from plans.models import Plan, PlanCountry, PlanPrice, PlanText
from simulators.mobileplans.samples import (
    CUSTOMER,
    CUSTOMER_PASSWORD,
    HOLDER,
    IDENTIFIED_BILL_CODE,
    IDENTIFIED_ICCID,
    INSTALLED_ICCID,
    INSTALLED_PUK,
    MICROBALANCE_ICCID,
    OUTSIDE_ICCID,
    STAFF,
    STAFF_PASSWORD,
    UNUSED_ICCID,
    UNUSED_PUK,
    WITH_PLAN_ICCID,
)
from subscriptions.domain import usage
from subscriptions.models import Bucket, Line, Period, SimOnLine, Subscription
from subscriptions.states import PeriodState, SubscriptionState

PREFIX = "8944110"
# The billing simulator knows by the last four digits how to treat a number.
HELD_NUMBERS = ("+12025550100", "+12025550201", "+12025550202")
FIRST_IN_POOL, POOL_SIZE = 100_000, 5000

SUMMARY = f"""\
  customer            {CUSTOMER}   {CUSTOMER_PASSWORD}
  staff (/admin/)     {STAFF}  {STAFF_PASSWORD}
  pays on the bill    {HOLDER}   {CUSTOMER_PASSWORD}
                      (…0100: at once; …0202: with a code; …0201: over the limit)
  voucher             KESTRELLARGE (KESTRELSMALL is worth too little)
  card, approved      4242 4242 4242 4242  (any future date, any security code)
  card, declined      4000 0000 0000 0002
  card, disputed      4000 0000 0000 2685  (0259: as fraud; play the bank on the gateway's /desk)
  SIM without a plan  {UNUSED_ICCID}  (PUK {UNUSED_PUK})
  SIM with a plan     {WITH_PLAN_ICCID}  (of the demo customer)
  SIM, microbalance   {MICROBALANCE_ICCID}  (Get Balance: NONE)
  SIM in Dubai        {IDENTIFIED_ICCID}  (its holder is identified; bill {IDENTIFIED_BILL_CODE})
  SIM outside         {OUTSIDE_ICCID}  (Get Balance: NOTSUPPORTED)
  profile on an eSIM  {INSTALLED_ICCID}  (without a plan; for iccids; PUK {INSTALLED_PUK})"""


class Command(BaseCommand):
    """Loads the demo data once. A second run changes nothing."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--summary", action="store_true", help="only print the accounts, cards and SIMs"
        )
        parser.add_argument(
            "--brand",
            choices=sorted(BRANDS),
            help="the operator's name, colours and logo, also of data that is loaded already",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["summary"]:
            self.stdout.write(SUMMARY)
            return
        # Without this, `/readyz` would report the heartbeat of the last run's worker.
        Heartbeat.objects.all().delete()
        if not Operator.objects.exists():
            load()
        if options["brand"]:
            put_on(options["brand"])


@transaction.atomic
def load() -> None:
    """Write the demo data in one transaction."""
    _load_operator()
    _load_plans()
    _load_sims()
    customer = User.objects.create_user(CUSTOMER, CUSTOMER_PASSWORD, name="Robin Ade")
    User.objects.create_superuser(STAFF, STAFF_PASSWORD, name="Sam Weaver")
    _give_plan(customer)
    holder = User.objects.create_user(HOLDER, CUSTOMER_PASSWORD, name="Kim Sato")
    for number in HELD_NUMBERS:
        proofs.record(holder, ProofKind.IDENTITY, number)


def put_on(key: str) -> None:
    """Give the demo's operator the name, colours and logos of this brand."""
    brand = BRANDS[key]
    operator = Operator.objects.get()
    operator.name, operator.accent = brand.name, brand.accent
    operator.accent_dark = brand.accent_dark
    light, dark = brand.logo(key), brand.logo(key, dark=True)
    operator.logo = store_logo(light) if light else None
    operator.logo_dark = store_logo(dark) if dark else None
    operator.save()


def _load_operator() -> None:
    Operator.objects.create(
        pk=1,
        name="Kestrel Mobile",
        support_phone="+1 555 0142",
        support_email="help@kestrel.example",
        support_hours="00:00–24:00",
        website="https://www.kestrel.example/",
        legal_name="Kestrel Mobile, Inc.",
        legal_address="100 Example Avenue\nSpringfield, IL 62701\nUnited States",
        tax_number="00-1234567",
        default_market="US",
    )
    put_on("kestrel")
    LegalText.objects.bulk_create(
        LegalText(kind=kind, language=language, version=LEGAL_VERSION, title=title, body=body)
        for kind, texts in LEGAL.items()
        for language, (title, body) in texts.items()
    )


def _load_plans() -> None:
    for kind_position, kind in enumerate(KINDS):
        if kind.code == "world":
            plan = _load_plan(kind, kind.code, kind_position, WORLD)
            for market in MARKETS:
                _load_price(plan, market, kind_position)
            continue
        for market, facts in MARKETS.items():
            countries = (market,) if kind.code == "day" else (market, *facts.neighbours)
            plan = _load_plan(kind, f"{market.lower()}-{kind.code}", kind_position, countries)
            _load_price(plan, market, kind_position)


def _load_plan(kind: PlanKind, code: str, position: int, countries: tuple[str, ...]) -> Plan:
    plan = Plan.objects.create(
        code=code,
        category=kind.category,
        data_bytes=kind.data_bytes,
        validity_days=kind.validity_days,
        more_devices=kind.more_devices,
        position=position,
    )
    PlanCountry.objects.bulk_create(PlanCountry(plan=plan, country=code) for code in countries)
    PlanText.objects.bulk_create(
        PlanText(plan=plan, language=language, name=name, terms=PLAN_TERMS[language])
        for language, name in kind.names.items()
    )
    return plan


def _load_price(plan: Plan, market: str, kind_position: int) -> None:
    facts = MARKETS[market]
    PlanPrice.objects.create(
        plan=plan,
        market=market,
        minor_units=facts.prices[kind_position],
        currency=facts.currency,
        tax_rate=facts.tax_rate,
        tax_included=True,
        identity=facts.identity,
        device_minor_units=facts.prices[kind_position] * KINDS[kind_position].device_percent // 100,
    )


def _load_sims() -> None:
    provider = SmdpProvider.objects.create(
        code="kestrel", smdp_host="smdp.kestrel.example", requester_identifier="2.999.10"
    )
    physical = {"kind": Sim.Kind.PHYSICAL}
    Sim.objects.create(iccid=UNUSED_ICCID, puk_ending=UNUSED_PUK[-4:], **physical)
    Sim.objects.create(iccid=IDENTIFIED_ICCID, state=SimState.IN_USE, **physical)
    Sim.objects.create(iccid=OUTSIDE_ICCID, is_in_programme=False, **physical)
    Sim.objects.create(iccid=MICROBALANCE_ICCID, state=SimState.IN_USE, **physical)
    Sim.objects.create(iccid=WITH_PLAN_ICCID, state=SimState.IN_USE, msisdn="15550147", **physical)
    installed = {"kind": Sim.Kind.PROFILE, "profile_type": "consumer", "provider": provider}
    Sim.objects.create(
        iccid=INSTALLED_ICCID,
        state=SimState.IN_USE,
        puk_ending=INSTALLED_PUK[-4:],
        **installed,
    )
    Sim.objects.bulk_create(
        Sim(
            iccid=Iccid.numbered(PREFIX, serial),
            kind=Sim.Kind.PROFILE,
            profile_type="consumer",
            provider=provider,
        )
        for serial in range(FIRST_IN_POOL, FIRST_IN_POOL + POOL_SIZE)
    )


def _give_plan(customer: User) -> None:
    """Put a half-used plan on one SIM card of the customer, and a microbalance on another."""
    plan = Plan.objects.get(code="us-traveller")
    half_used = _period(customer, WITH_PLAN_ICCID, plan.texts.get(language="en").name, plan)
    Bucket.objects.create(
        period=half_used,
        kind=Bucket.Kind.ALLOWANCE,
        total_bytes=5 * GB,
        countries=["US", "CA", "MX"],
    )
    _use(WITH_PLAN_ICCID, 18 * GB // 10)
    walled_garden = _period(customer, MICROBALANCE_ICCID, "Walled garden", None)
    Bucket.objects.create(
        period=walled_garden,
        kind=Bucket.Kind.MICROBALANCE,
        total_bytes=GB // 100,
        countries=sorted(MARKETS),
    )


def _use(iccid: str, used: int) -> None:
    """Record yesterday's data use, as the charging system would."""
    yesterday = (now() - timedelta(days=1)).isoformat()
    record = {"id": "half", "iccid": iccid, "bytes": used, "country": "US", "usedAt": yesterday}
    usage.store_records("demo", [record], now())


def _period(customer: User, iccid: str, plan_name: str, plan: Plan | None) -> Period:
    sim = Sim.objects.get(iccid=iccid)
    line = Line.objects.create(account=customer, msisdn=sim.msisdn)
    since = now() - timedelta(days=8)
    SimOnLine.objects.create(line=line, sim=sim, since=since, proof=SimOnLine.Proof.STAFF)
    subscription = Subscription.objects.create(
        line=line,
        plan=plan,
        reference=f"DEMO{iccid[-6:]}",
        plan_name=plan_name,
        state=SubscriptionState.ACTIVE,
    )
    ends_at = since + timedelta(days=30)
    return Period.objects.create(
        subscription=subscription,
        line=line,
        plan=plan,
        plan_name=plan_name,
        state=PeriodState.PAID,
        starts_at=since,
        ends_at=ends_at,
        usable_until=ends_at,
    )
