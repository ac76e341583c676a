"""`manage.py load_demo`: Kestrel Mobile, its catalogue, its SIMs, and people to play with."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction
from django.utils.timezone import now

from accounts.models import User
from brand.models import LegalText, Operator
from demo.catalogue import GB, KINDS, LEGAL, LEGAL_VERSION, MARKETS, PLAN_TERMS, WORLD, PlanKind
from esim.models import Sim, SmdpProvider
from esim.states import SimState
from moportal.identifiers import Iccid
from outbox.models import Heartbeat
from plans.models import Plan, PlanCountry, PlanPrice, PlanText
from subscriptions.domain import usage
from subscriptions.models import Bucket, Line, SimOnLine, Subscription, SubscriptionState

# Made up: none of these is in the source documents, and no operator uses the range.
PREFIX = "8944110"
PHYSICAL, SHUT_OUT, MICROBALANCE, WITH_PLAN, INSTALLED = (
    Iccid.numbered(PREFIX, n) for n in range(5)
)
FIRST_IN_POOL, POOL_SIZE = 100_000, 5000
CUSTOMER, CUSTOMER_PASSWORD = "demo@kestrel.example", "kestrel-demo-2026"
STAFF, STAFF_PASSWORD = "staff@kestrel.example", "kestrel-staff-2026"

SUMMARY = f"""\
  customer            {CUSTOMER}   {CUSTOMER_PASSWORD}
  staff (/admin/)     {STAFF}  {STAFF_PASSWORD}
  card that approves  4242 4242 4242 4242  (any later date, any code)
  card that declines  4000 0000 0000 0002
  unused SIM card     {PHYSICAL}
  shut out            {SHUT_OUT}  (Get Balance: NOTSUPPORTED)
  microbalance only   {MICROBALANCE}  (Get Balance: NONE)
  with a plan         {WITH_PLAN}  (the demo customer's)
  on the eSIM         {INSTALLED}  (nobody's yet: for iccids)"""


class Command(BaseCommand):
    """Loads once; a second run finds everything there and changes nothing."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--summary", action="store_true", help="only print what there is")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["summary"]:
            self.stdout.write(SUMMARY)
            return
        # `/healthz` shall not believe the worker of the last run.
        Heartbeat.objects.all().delete()
        if not Operator.objects.exists():
            load()


@transaction.atomic
def load() -> None:
    """Write everything in one transaction: all of it or nothing."""
    _load_operator()
    _load_plans()
    _load_sims()
    customer = User.objects.create_user(CUSTOMER, CUSTOMER_PASSWORD, name="Robin Ade")
    User.objects.create_superuser(STAFF, STAFF_PASSWORD, name="Sam Weaver")
    _give_plan(customer)


def _load_operator() -> None:
    Operator.objects.create(
        pk=1,
        name="Kestrel Mobile",
        support_phone="+1 555 0142",
        support_email="help@kestrel.example",
        support_hours="00:00–24:00",
        website="https://www.kestrel.example/",
        default_market="US",
    )
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
    )


def _load_sims() -> None:
    provider = SmdpProvider.objects.create(
        code="kestrel", smdp_host="smdp.kestrel.example", requester_identifier="2.999.10"
    )
    physical = {"kind": Sim.Kind.PHYSICAL}
    Sim.objects.create(iccid=PHYSICAL, **physical)
    Sim.objects.create(iccid=SHUT_OUT, is_in_programme=False, **physical)
    Sim.objects.create(iccid=MICROBALANCE, state=SimState.IN_USE, **physical)
    Sim.objects.create(iccid=WITH_PLAN, state=SimState.IN_USE, msisdn="15550147", **physical)
    installed = {"kind": Sim.Kind.PROFILE, "profile_type": "consumer", "provider": provider}
    Sim.objects.create(iccid=INSTALLED, state=SimState.IN_USE, **installed)
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
    """Put a half-used plan on the customer's own SIM, and a microbalance on another."""
    plan = Plan.objects.get(code="us-traveller")
    lived_in = _subscription(customer, WITH_PLAN, plan.texts.get(language="en").name, plan)
    Bucket.objects.create(
        subscription=lived_in,
        kind=Bucket.Kind.ALLOWANCE,
        total_bytes=5 * GB,
        countries=["US", "CA", "MX"],
    )
    _use(WITH_PLAN, 18 * GB // 10)
    garden = _subscription(customer, MICROBALANCE, "Walled garden", None)
    Bucket.objects.create(
        subscription=garden,
        kind=Bucket.Kind.MICROBALANCE,
        total_bytes=GB // 100,
        countries=sorted(MARKETS),
    )


def _use(iccid: str, used: int) -> None:
    """Tell of data that was used yesterday, as the charging system would."""
    told = {"id": "half", "iccid": iccid, "bytes": used, "country": "US"}
    yesterday = (now() - timedelta(days=1)).isoformat()
    usage.record("demo", [{**told, "usedAt": yesterday}], now())


def _subscription(customer: User, iccid: str, plan_name: str, plan: Plan | None) -> Subscription:
    sim = Sim.objects.get(iccid=iccid)
    line = Line.objects.create(account=customer, msisdn=sim.msisdn)
    since = now() - timedelta(days=8)
    SimOnLine.objects.create(line=line, sim=sim, since=since)
    return Subscription.objects.create(
        line=line,
        plan=plan,
        reference=f"DEMO{iccid[-6:]}",
        plan_name=plan_name,
        state=SubscriptionState.ACTIVE,
        starts_at=since,
        ends_at=since + timedelta(days=30),
    )
