"""Customers whose plans renew, written by one statement for each table."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from django.db import connection

from accounts.models import User
from bench.order_data import CARD
from bench.renewal_writes import Renewal
from moportal.sealed import digest, seal
from payments.domain.payments import add_card
from payments.models import PaymentMethod
from plans.models import Category, Plan
from subscriptions.domain.bounds import end_of_period
from subscriptions.models import Period, Subscription
from subscriptions.networks import network
from subscriptions.networks.base import Service

# These keys are far above those that the sequences have given.
BASE = 1_000_000_000

# They read the temporary table `plan_of`: `n` is the customer and all that is theirs. The plan's
# first month has begun at `began` and ends at `ends`. It runs, or it has ended.
STATEMENTS = (
    """INSERT INTO accounts_user (id, password, is_superuser, username, name, language,
        page_language, is_from_operator, is_staff, is_active, created_at)
        SELECT n, '!', false, 'renewing' || n || '@bench.example', 'Robin Ade', 'en', '', false,
        false, true, began FROM plan_of""",
    """INSERT INTO payments_paymentmethod (id, account_id, gateway, kind, token, brand, last4,
        expiry_month, expiry_year, is_kept, created_at)
        SELECT n, n, %(gateway)s, 'card', %(token)s, 'Visa', '4242', 12, 2049, true, began
        FROM plan_of""",
    """INSERT INTO payments_mandate (id, method_id, purpose, text, language, transaction_id,
        currency, agreed_at, end_reason, note)
        SELECT n, n, 'B' || n, 'It renews each month.', 'en', '', '', began, '', ''
        FROM plan_of WHERE runs""",
    """INSERT INTO subscriptions_line (id, account_id, msisdn, name, created_at)
        SELECT n, n, '', '', began FROM plan_of""",
    """INSERT INTO subscriptions_subscription (id, line_id, plan_id, reference, plan_name, state,
        mandate_id, anchored_at, due_at, served_until, ended_at)
        SELECT n, n, %(plan)s, 'B' || n, 'Monthly', CASE WHEN runs THEN 'active' ELSE 'ended' END,
        CASE WHEN runs THEN n END, began, CASE WHEN runs THEN ends END, ends,
        CASE WHEN NOT runs THEN ends END FROM plan_of""",
    """INSERT INTO subscriptions_period (id, subscription_id, line_id, plan_id, plan_name,
        gross_minor_units, tax_minor_units, tax_rate, currency, number, state, starts_at, ends_at,
        usable_until)
        SELECT n, n, n, %(plan)s, 'Monthly', 2500, 208, 900, 'USD', 1, 'paid', began, ends, ends
        FROM plan_of""",
    """INSERT INTO subscriptions_bucket (id, period_id, kind, total_bytes, used_bytes, countries)
        SELECT n, n, 'allowance', 5000000000, 0, '["US"]' FROM plan_of""",
)
TABLES = [statement.split()[2] for statement in STATEMENTS]


@dataclass(frozen=True)
class Crowd:
    """The plans in the tables. `due` of the running ones renew `within` a time from `since` on.

    Those after them are for the bare loop.
    """

    ended: int
    running: int
    due: int
    bare: int
    since: datetime
    within: timedelta

    @property
    def due_keys(self) -> range:
        """Return the keys of the subscriptions that are due. They were written first."""
        return range(BASE, BASE + self.due)

    @property
    def bare_keys(self) -> range:
        return range(BASE + self.due, BASE + self.due + self.bare)


def create(crowd: Crowd) -> None:
    """Write the plans, and tell the network about those that will renew."""
    plan = Plan.objects.filter(category=Category.RECURRING).order_by("pk")[0]
    token, gateway = _a_card()
    with connection.cursor() as cursor:
        # Skip the foreign key checks. The rows that the keys point to are written here too.
        cursor.execute("SET session_replication_role = replica")
        _number(crowd, plan)
        values: dict[str, int | str] = {"plan": plan.pk, "token": token, "gateway": gateway}
        for statement in STATEMENTS:
            cursor.execute(statement, values)
        for table in TABLES:
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), %s)",
                [2 * BASE],
            )
        cursor.execute("DROP TABLE plan_of")
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")
    _activate(crowd, plan)


def _number(crowd: Crowd, plan: Plan) -> None:
    """Create the temporary table. Of the running plans, those that are not due end days later."""
    began = end_of_period(plan, crowd.since, number=-1)
    step = crowd.within / max(crowd.due, 1)
    with connection.cursor() as cursor:
        cursor.execute(
            """CREATE TEMPORARY TABLE plan_of AS
            SELECT %(base)s + n AS n, n < %(running)s AS runs,
            %(began)s::timestamptz + shift AS began, %(ends)s::timestamptz + shift AS ends
            FROM generate_series(0, %(all)s - 1) AS n, LATERAL (SELECT CASE
                WHEN n < %(due)s THEN n * %(step)s::interval
                WHEN n < %(running)s THEN interval '4 days' + (n %% 20) * interval '1 day'
                ELSE -(n %% 700) * interval '1 day' END AS shift) AS shifts""",
            {
                "base": BASE,
                "all": crowd.running + crowd.ended,
                "running": crowd.running,
                "due": crowd.due,
                "step": str(step),
                "began": began,
                "ends": end_of_period(plan, began),
            },
        )


def _a_card() -> tuple[str, str]:
    """Return the sealed token of a card that the gateway charges, and the gateway's name."""
    method = add_card(User.objects.create(username="card@bench.example"), CARD)
    return seal(method.token), method.gateway


def _activate(crowd: Crowd, plan: Plan) -> None:
    """Activate the plans that will renew in the network, which serves only what it knows."""

    def activate(key: int) -> None:
        network().activate(Service(f"B{key}", 1, plan.code, f"8944{key:015d}", "", ""))

    with ThreadPoolExecutor(4) as threads:
        for _ in threads.map(activate, [*crowd.due_keys, *crowd.bare_keys]):
            pass


def bare_renewals(crowd: Crowd) -> list[Renewal]:
    """Prepare what the product would look up or generate while it renews a plan."""
    method = PaymentMethod.objects.get(pk=BASE)
    plan = Subscription.objects.get(pk=BASE).plan
    assert plan is not None  # noqa: S101 -- written above
    countries = list(plan.countries.values_list("country", flat=True))
    first = Period.objects.filter(subscription__in=crowd.bare_keys).values_list("pk", "ends_at")
    return [
        Renewal(
            key,
            method.token,
            plan.pk,
            plan.code,
            countries,
            str(uuid4()),
            digest(str(key)),
            str(ends_at),
        )
        for key, ends_at in first
    ]
