"""Millions of SIMs with the rows that Get Balance reads, written by one statement for each table.

Serial `n` has the same key in every table. Every second SIM has two buckets, and every
twentieth an unlimited one. Usage records are spread over all lines.
"""

from typing import Any

import psycopg
from psycopg import sql

from bench import cpu
from moportal.identifiers import Iccid

# The ICCIDs of `Iccid.numbered(PREFIX, n)`.
PREFIX = "894499"
SAMPLE = Iccid.numbered(PREFIX, 1001)
PORTAL_REPLAYS = "balance_api_answeredtransaction"


def _luhn_digit() -> str:
    """Return an SQL expression for the check digit of the prefix and twelve digits `n`."""
    # A literal `%` is written twice, because psycopg reads a single one as a parameter.
    # The digits from the right: first those of `n`, then the prefix's.
    places = [f"(n / {10**place} %% 10)" for place in range(12)]
    places += reversed(PREFIX)
    summed = " + ".join(
        f"{digit} * 2 - CASE WHEN {digit} > 4 THEN 9 ELSE 0 END" if place % 2 == 0 else digit
        for place, digit in enumerate(places)
    )
    return f"(10 - ({summed}) %% 10) %% 10"


ACCOUNT = """
    INSERT INTO accounts_user (id, password, is_superuser, username, name, language,
        page_language, is_from_operator, is_staff, is_active, created_at)
    VALUES (1000, '!', false, 'sims@bench.example', 'Robin Ade', 'en', '',
        false, false, true, now())
    ON CONFLICT DO NOTHING
"""
# For the serials from `first` up to, but not including, `last`.
TABLES = (
    f"""INSERT INTO esim_sim (id, iccid, kind, state, profile_type, imsi, msisdn, is_in_programme)
        SELECT n, '{PREFIX}' || lpad(n::text, 12, '0') || {_luhn_digit()}, 'physical', 'in_use',
        '', '', '', true FROM generate_series(%(first)s::bigint, %(last)s - 1) AS n""",  # noqa: S608 -- constants of this module
    """INSERT INTO subscriptions_line (id, account_id, msisdn, created_at)
        SELECT n, 1000, '', now() FROM generate_series(%(first)s, %(last)s - 1) AS n""",
    """INSERT INTO subscriptions_simonline (id, line_id, sim_id, since)
        SELECT n, n, n, now() FROM generate_series(%(first)s, %(last)s - 1) AS n""",
    """INSERT INTO subscriptions_subscription (id, line_id, reference, plan_name, state)
        SELECT n, n, 'B' || n, 'Month', 'active'
        FROM generate_series(%(first)s, %(last)s - 1) AS n""",
    """INSERT INTO subscriptions_period (id, subscription_id, line_id, plan_name, tax_rate,
        currency, state, starts_at, ends_at, usable_until)
        SELECT n, n, n, 'Month', 0, '', 'paid', now() - interval '1 day',
        now() + interval '23 days 23 hours', now() + interval '23 days 23 hours'
        FROM generate_series(%(first)s, %(last)s - 1) AS n""",
    """INSERT INTO subscriptions_bucket (id, period_id, kind, total_bytes, used_bytes,
        countries)
        SELECT 2 * n + o, n,
        CASE WHEN n %% 20 = 0 AND o = 0 THEN 'unlimited' ELSE 'allowance' END,
        5000000000, 1000000 * (n %% 1000), '["US", "CA"]'
        FROM generate_series(%(first)s, %(last)s - 1) AS n, generate_series(0, n %% 2) AS o""",
)
# For the records from `first` up to, but not including, `last`,
# spread over the lines in turn.
USAGE = """
    INSERT INTO subscriptions_usagerecord (source, record_id, day, iccid, line_id, country, bytes,
        uncovered_bytes, used_at, received_at)
    SELECT 'bench', 'record-' || n, at::date, lpad(n::text, 19, '8'), 1 + n %% %(sims)s, 'US',
        1000000, 0, at, at
    FROM generate_series(%(first)s, %(last)s - 1) AS n,
    LATERAL (SELECT now() - n %% 86400 * interval '1 second' AS at) AS used
"""
# The tables that Get Balance reads.
READ = ["esim_sim", "subscriptions_simonline", "subscriptions_period", "subscriptions_bucket"]
# The second one is a constraint in the portal. Here an index
# with the same effect is enough.
INDEXES = (
    ("usage_of_a_line", "CREATE INDEX {} ON subscriptions_usagerecord (line_id, used_at)"),
    (
        "usage_record_counts_once",
        "CREATE UNIQUE INDEX {} ON subscriptions_usagerecord (source, record_id, day)",
    ),
)


class SimTables:
    """The database's SIMs and their tables of transaction ids."""

    def __init__(self, database_url: str) -> None:
        self._connection: psycopg.Connection[Any] = psycopg.connect(database_url, autocommit=True)
        self._size = 0
        self._usage = 0
        self._replays = [PORTAL_REPLAYS]

    def grow(self, sims: int, *, usage: int = 0) -> None:
        """Add rows until there are `sims` SIMs and `usage` records, then update the statistics."""
        # Skip the foreign key checks. The rows that the keys
        # point to are written here too.
        self._connection.execute("SET session_replication_role = replica")
        self._connection.execute(ACCOUNT)
        for statement in TABLES:
            self._connection.execute(statement, {"first": 1 + self._size, "last": 1 + sims})
        self._size = sims
        if usage > self._usage:
            self._add_usage(sims, usage)
        self._connection.execute("SET session_replication_role = DEFAULT")
        self._connection.execute("VACUUM ANALYZE")
        self._prewarm()
        self._connection.execute("CHECKPOINT")

    def _prewarm(self) -> None:
        """Load the tables that Get Balance reads into memory, so that no disk is measured."""
        self._connection.execute("CREATE EXTENSION IF NOT EXISTS pg_prewarm")
        self._connection.execute(
            """SELECT pg_prewarm(part.oid) FROM pg_class AS part
            LEFT JOIN pg_index ON indexrelid = part.oid
            WHERE coalesce(indrelid, part.oid) = ANY (%s::regclass[])""",
            [READ],
        )

    def _add_usage(self, sims: int, usage: int) -> None:
        """Add usage records until there are `usage`. Build indexes afterwards, which is faster."""
        for name, _statement in INDEXES:
            self._connection.execute(
                f"ALTER TABLE subscriptions_usagerecord DROP CONSTRAINT IF EXISTS {name}"
            )
            self._connection.execute(f"DROP INDEX IF EXISTS {name}")
        values = {"first": 1 + self._usage, "last": 1 + usage, "sims": sims}
        self._connection.execute(USAGE, values)
        self._connection.execute("SET maintenance_work_mem = '1GB'")
        for name, statement in INDEXES:
            self._connection.execute(statement.format(name))
        self._usage = usage

    def create_replay_table(self, name: str) -> None:
        """Create the anchors' table of transaction ids. The portal has its own."""
        self._connection.execute(
            sql.SQL(
                "CREATE TABLE {} (caller varchar(64) NOT NULL, transaction_id varchar(128)"
                " NOT NULL, at timestamptz NOT NULL, PRIMARY KEY (caller, transaction_id))"
            ).format(sql.Identifier(name))
        )
        self._replays.append(name)

    def clear_replays(self) -> None:
        """Empty the tables of transaction ids, so that every round starts from the same state."""
        for name in self._replays:
            self._connection.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier(name)))
        self._connection.execute("CHECKPOINT")

    @property
    def postmaster(self) -> int:
        return cpu.parent(self._connection.info.backend_pid)

    def background(self) -> list[int]:
        """Return PostgreSQL's processes that serve no client, such as the writer and autovacuum."""
        found = self._connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE backend_type <> 'client backend'"
        )
        return [pid for (pid,) in found]

    def plan(self) -> str:
        """Return PostgreSQL's generic plan for the anchors' prepared statement."""
        from bench.anchors import shared  # noqa: PLC0415 -- the module reads a server's environment

        statement = shared.STATEMENT.format("$1", "$2", "$3", "$4")
        self._connection.execute(
            f"PREPARE balances (varchar, varchar, varchar, timestamptz) AS {statement}"
        )
        # PostgreSQL chooses the generic plan for a statement that has run often enough.
        self._connection.execute("SET plan_cache_mode = force_generic_plan")
        found = self._connection.execute(
            f"EXPLAIN (ANALYZE, BUFFERS) EXECUTE balances ('bench', 'plan', '{SAMPLE}', now())"
        )
        return "\n".join(line for (line,) in found)

    def close(self) -> None:
        self._connection.close()
