"""Finished orders of the past with all their rows, written by one statement for each table."""

import secrets

from django.db import connection

from esim.models import SmdpProvider
from moportal.sealed import seal
from plans.models import Plan

# These keys are far above those that the sequences have given. The
# sequences continue at AFTER.
BASE, AFTER = 10_000_000, 100_000_000
ORDERS_OF_AN_ACCOUNT = 10

# They read the temporary table `old`: `n` is the order, `a` its account, and `at` when
# the order was submitted, one every thirty seconds up to now.
STATEMENTS = (
    """INSERT INTO accounts_user (id, password, is_superuser, username, name, language,
        page_language, is_from_operator, is_staff, is_active, created_at)
        SELECT a, '!', false, 'earlier' || a || '@bench.example', 'Robin Ade', 'en', '', false,
        false, true, min(at) FROM old GROUP BY a""",
    """INSERT INTO payments_paymentmethod (id, account_id, gateway, token, brand, last4,
        expiry_month, expiry_year, created_at)
        SELECT a, a, 'simulator', %(sealed)s, 'Visa', '4242', 12, 2049, min(at)
        FROM old GROUP BY a""",
    """INSERT INTO mobileplans_visit (id, transaction_id, transaction_id_is_generated,
        is_launched, eid, eid_from, iccid, iccids, imei, location, market,
        refused_as, refused_because, account_id, step, remarks, failed_sign_ins, launched_at)
        SELECT n, 'MSFT_' || n, false, true, eid, 'launch', '', '[]', '', 'US', 'US', '', '', a,
        'order', '', 0, at FROM old""",
    """INSERT INTO orders_draft (id, account_id, visit_id, version, key, plan_id, method_id,
        wants_new_esim, created_at, submitted_at, plan_name, gross_minor_units, tax_minor_units,
        tax_rate, currency)
        SELECT n, a, n, 3, key, %(plan)s, a, true, at, at, 'Day pass', 400, 33, 900, 'USD'
        FROM old""",
    """INSERT INTO payments_payment (id, key, method_id, reference, minor_units, currency, state,
        gateway_id, captured_at, decline_reason, return_url, customer_step_url, created_at)
        SELECT n, key, a, number, 400, 'USD', 'captured', 'pay_' || n, at, '', '', '',
        at FROM old""",
    """INSERT INTO payments_gatewaycall (id, payment_id, operation, key, sent_at, answered_at,
        outcome, detail)
        SELECT 2 * n + o, n, CASE o WHEN 0 THEN 'authorise' ELSE 'capture' END, key::text, at, at,
        'answered', '' FROM old, generate_series(0, 1) AS o""",
    """INSERT INTO esim_sim (id, iccid, kind, state, profile_type, provider_id, imsi, msisdn,
        is_in_programme)
        SELECT n, '8944333' || lpad(n::text, 12, '0'), 'profile', 'in_use', 'consumer',
        %(provider)s, '', '', true FROM old""",
    """INSERT INTO esim_profile (id, sim_id, provider_id, eid, state, matching_id,
        matching_id_digest, smdp_host, created_at, downloaded_at, staff_alert)
        SELECT n, n, %(provider)s, eid, 'downloaded', %(sealed)s, md5(n::text) || md5(eid),
        'smdp.kestrel.example', at, at, '' FROM old""",
    """INSERT INTO esim_es2call (id, profile_id, function, call_identifier, request, sent_at,
        answered_at, outcome, subject_code, reason_code, detail)
        SELECT 2 * n + o, n, CASE o WHEN 0 THEN 'downloadOrder' ELSE 'confirmOrder' END,
        md5(n || '/' || o)::uuid, jsonb_build_object('eid', eid), at, at, 'success', '', '',
        '{"header": {"functionExecutionStatus": {"status": "Executed-Success"}}}'
        FROM old, generate_series(0, 1) AS o""",
    """INSERT INTO subscriptions_line (id, account_id, msisdn, created_at)
        SELECT n, a, '', at FROM old""",
    """INSERT INTO subscriptions_simonline (id, line_id, sim_id, since)
        SELECT n, n, n, at FROM old""",
    """INSERT INTO subscriptions_subscription (id, line_id, plan_id, reference, plan_name, state)
        SELECT n, n, %(plan)s, number, 'Day pass', 'active' FROM old""",
    """INSERT INTO subscriptions_period (id, subscription_id, line_id, plan_id, plan_name,
        gross_minor_units, tax_minor_units, tax_rate, currency, state, starts_at, ends_at,
        usable_until) SELECT n, n, n, %(plan)s, 'Day pass', 400, 33, 900, 'USD', 'paid', at,
        at + interval '1 day', at + interval '1 day' FROM old""",
    """INSERT INTO subscriptions_bucket (id, period_id, kind, total_bytes, used_bytes,
        countries) SELECT n, n, 'allowance', 1000000000, 0, '["US"]' FROM old""",
    """INSERT INTO orders_order (id, plan_name, gross_minor_units, tax_minor_units, tax_rate,
        currency, number, draft_id, account_id, visit_id, state, plan_id, language, terms_version,
        eid, payment_id, profile_id, subscription_id, line_is_new, tries, last_error, failure,
        created_at, charge_decided_at, completed_at, handed_over_at)
        SELECT n, 'Day pass', 400, 33, 900, 'USD', number, n, a, n, 'completed', %(plan)s, 'en',
        '2026-01', eid, n, n, n, true, 0, '', '', at, at, at, at FROM old""",
    """INSERT INTO orders_statechange (id, order_id, old, new, reason, at)
        SELECT 2 * n + o, n, CASE o WHEN 0 THEN 'acknowledged' ELSE 'in_progress' END,
        CASE o WHEN 0 THEN 'in_progress' ELSE 'completed' END, '', at
        FROM old, generate_series(0, 1) AS o""",
    """INSERT INTO payments_receipt (id, payment_id, year, number, issued_on, seller_name,
        seller_address, seller_tax_number, buyer_name, item, starts_on, ends_on, minor_units,
        net_minor_units, tax_minor_units, tax_rate, currency)
        SELECT n, n, 2000, n - %(base)s, '2000-01-01', 'Kestrel Mobile, Inc.', '', '00-1234567',
        'Robin Ade', 'Day pass', '2000-01-01', '2000-01-02', 400, 367, 33, 900, 'USD' FROM old""",
    """INSERT INTO outbox_task (id, kind, subject, not_before, lease_token, attempts, enqueue_count,
        created_at, closed_at, last_error)
        SELECT n, 'order', n::text, at, '', 1, 1, at, at, '' FROM old""",
)
TABLES = [statement.split()[2] for statement in STATEMENTS]


def create_finished_orders(size: int) -> None:
    """Add finished orders until there are `size`, and update the planner's statistics."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM orders_order WHERE id BETWEEN %s AND %s", [BASE, AFTER]
        )
        (present,) = cursor.fetchone() or (0,)
        if present < size:
            # Skip the foreign key checks. The rows that the keys
            # point to are written here too.
            cursor.execute("SET session_replication_role = replica")
            cursor.execute(
                """CREATE TEMPORARY TABLE old AS SELECT n, %(base)s + n / %(each)s AS a,
                now() - (%(base)s + %(size)s - n) * interval '30 seconds' AS at,
                'H' || lpad((n - %(base)s)::text, 9, '0') AS number,
                md5(n::text)::uuid AS key, '89049033' || lpad(n::text, 24, '0') AS eid
                FROM generate_series(%(base)s + %(present)s, %(base)s + %(size)s - 1) AS n""",
                {"base": BASE, "present": present, "size": size, "each": ORDERS_OF_AN_ACCOUNT},
            )
            values: dict[str, int | str] = {
                "base": BASE,
                "plan": Plan.objects.values_list("pk", flat=True)[0],
                "provider": SmdpProvider.objects.values_list("pk", flat=True)[0],
                "sealed": seal(secrets.token_hex(12)),
            }
            for statement in STATEMENTS:
                cursor.execute(statement, values)
            for table in TABLES:
                cursor.execute(
                    "SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", [table, AFTER]
                )
            cursor.execute("DROP TABLE old")
            cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")
