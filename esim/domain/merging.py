"""Merging the rows of a file into the stock: all of them, or none if a line is in error.

On PostgreSQL the rows are copied into a temporary table and merged by one statement, so memory does
not grow with the file. The ORM backend, for SQLite, works in batches and remembers every ICCID of
the file. Both give the same results. The caller's transaction holds the lock on the ranges
(`ranges.lock`).
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from django.db import connection, transaction

from esim.domain.sim_files import SimRow
from esim.models import Sim
from moportal.sealed import seal, unseal
from moportal.text.csv_files import Fault

BATCH = 1000
ReportFault = Callable[[Fault], None]


class Merged(NamedTuple):
    """How many rows were new, filled a gap, and changed nothing."""

    new: int
    filled: int
    unchanged: int


class StoredSim(NamedTuple):
    """The columns of a stored SIM that a file has too."""

    kind: str
    profile_type: str
    provider_id: int | None
    imsi: str
    msisdn: str


def merge_by_copy(
    rows: Iterator[SimRow],
    *,
    is_in_programme: Callable[[str], bool],
    report_fault: ReportFault,
    may_write: Callable[[], bool],
) -> Merged:
    """Merge on PostgreSQL. `may_write` is called after every fault was reported."""
    with connection.cursor() as cursor:
        cursor.execute(_STAGE)
        with cursor.copy(_COPY) as copy:
            for batch in _batches(rows):
                copy.write("".join(_copy_line(row, is_in_programme(row.iccid)) for row in batch))
        # Without statistics of the new table, PostgreSQL plans the joins as for a small one.
        cursor.execute("ANALYZE staged_sim")
        for number, iccid, first in cursor.stream(_DROP_REPEATED):
            report_fault(_repetition(number, iccid, first))
        for number, iccid, *columns in cursor.stream(_DROP_CONTRADICTING):
            row, stored = SimRow(number, iccid, *columns[:6]), StoredSim(*columns[6:])
            fault = _contradiction(row, stored)
            assert fault is not None  # noqa: S101 -- the statement has found the difference
            report_fault(fault)
        _drop_other_puks(cursor, report_fault)
        cursor.execute(_MERGE if may_write() else _COUNT)
        new, filled, staged = cursor.fetchone()
        # A temporary table lives as long as the connection, which may import another file.
        cursor.execute("DROP TABLE staged_sim")
    return Merged(new, filled, staged - new - filled)


def _drop_other_puks(cursor: Any, report_fault: ReportFault) -> None:
    """Drop and report the rows whose PUK is not that of the stock.

    Each sealed text differs, so PostgreSQL cannot compare them.
    """
    dropped = []
    for number, iccid, here, there in cursor.stream(_WITH_TWO_PUKS):
        if unseal(here) != unseal(there):
            report_fault(_other_puk(number, iccid))
            dropped.append(number)
    if dropped:
        cursor.execute("DELETE FROM staged_sim WHERE line = ANY(%s)", [dropped])


def merge_by_orm(
    rows: Iterator[SimRow],
    *,
    is_in_programme: Callable[[str], bool],
    report_fault: ReportFault,
    may_write: Callable[[], bool],
) -> Merged:
    """Merge on any database. The rows are written first, and rolled back unless `may_write`."""
    first_lines: dict[str, int] = {}
    merged = Merged(0, 0, 0)
    with transaction.atomic():
        for batch in _batches(rows):
            counts = _merge_batch(batch, first_lines, is_in_programme, report_fault)
            merged = Merged(*(sum(pair) for pair in zip(merged, counts, strict=True)))
        if not may_write():
            transaction.set_rollback(True)
    return merged


def _merge_batch(
    batch: list[SimRow],
    first_lines: dict[str, int],
    is_in_programme: Callable[[str], bool],
    report_fault: ReportFault,
) -> Merged:
    sims = Sim.objects.in_bulk([row.iccid for row in batch], field_name="iccid")
    new, filled, unchanged = [], [], 0
    for row in batch:
        first = first_lines.setdefault(row.iccid, row.number)
        sim = sims.get(row.iccid)
        if first != row.number:
            report_fault(_repetition(row.number, row.iccid, first))
        elif sim is None:
            new.append(_new_sim(row, is_in_programme(row.iccid)))
        elif fault := _contradiction(row, _stored(sim)):
            report_fault(fault)
        elif row.puk_ending and sim.puk_ending and row.puk_ending != sim.puk_ending:
            report_fault(_other_puk(row.number, row.iccid))
        elif _fill(sim, row):
            filled.append(sim)
        else:
            unchanged += 1
    # A repetition was reported above, so no ICCID is inserted twice.
    Sim.objects.bulk_create(new)
    Sim.objects.bulk_update(filled, ["imsi", "msisdn", "puk_ending"])
    return Merged(len(new), len(filled), unchanged)


def _new_sim(row: SimRow, is_in_programme: bool) -> Sim:  # noqa: FBT001 -- a field of the row
    fields = row._asdict()
    del fields["number"]
    return Sim(**fields, is_in_programme=is_in_programme)


def _stored(sim: Sim) -> StoredSim:
    return StoredSim(sim.kind, sim.profile_type, sim.provider_id, sim.imsi, sim.msisdn)


def _fill(sim: Sim, row: SimRow) -> bool:
    """Set the IMSI, MSISDN and PUK that the SIM lacks, and return whether there was one to set."""
    before = (sim.imsi, sim.msisdn, sim.puk_ending)
    sim.imsi, sim.msisdn = sim.imsi or row.imsi, sim.msisdn or row.msisdn
    sim.puk_ending = sim.puk_ending or row.puk_ending
    return (sim.imsi, sim.msisdn, sim.puk_ending) != before


def _repetition(number: int, iccid: str, first: int) -> Fault:
    problem = f"This ICCID is also on line {first}. Keep only one of the two."
    return Fault(number, "iccid", iccid, problem)


def _contradiction(row: SimRow, stored: StoredSim) -> Fault | None:
    """Return the first difference between row and stock.

    An IMSI or MSISDN that is empty on one side is a gap, not a difference.
    """
    for name, stored_value in stored._asdict().items():
        value = getattr(row, name)
        is_gap = name in {"imsi", "msisdn"} and not (value and stored_value)
        if value == stored_value or is_gap:
            continue
        if name == "provider_id":
            problem = f"SIM {row.iccid} is already in stock, from another provider."
            return Fault(row.number, "provider", "", problem)
        has = f"SIM {row.iccid} is already in stock. Its {name} is {stored_value or 'empty'}."
        return Fault(row.number, name, value, f"{has} Correct the line or remove it.")
    return None


def _other_puk(number: int, iccid: str) -> Fault:
    return Fault(number, "puk", "", f"SIM {iccid} is already in stock, with another PUK.")


def _batches(rows: Iterator[SimRow]) -> Iterator[list[SimRow]]:
    while batch := list(islice(rows, BATCH)):
        yield batch


def _copy_line(row: SimRow, is_in_programme: bool) -> str:  # noqa: FBT001 -- a column of the row
    """Return a row in COPY's text format. No checked value has a tab or a line end."""
    # COPY reads a backslash as an escape, and \N as NULL.
    profile_type = row.profile_type.replace("\\", "\\\\")
    provider = "\\N" if row.provider_id is None else row.provider_id
    return (
        f"{row.number}\t{row.iccid}\t{row.kind}\t{profile_type}\t{provider}"
        f"\t{row.imsi}\t{row.msisdn}\t{is_in_programme:d}"
        f"\t{seal(row.puk_ending) if row.puk_ending else ''}\n"
    )


_STAGE = """CREATE TEMPORARY TABLE staged_sim (
    line integer, iccid text, kind text, profile_type text, provider_id bigint, imsi text,
    msisdn text, is_in_programme boolean, puk_ending text)"""
_COPY = "COPY staged_sim FROM STDIN"
_DROP_REPEATED = """WITH dropped AS (
        DELETE FROM staged_sim AS here USING (
            SELECT iccid, min(line) AS first FROM staged_sim GROUP BY iccid HAVING count(*) > 1
        ) AS repeated
        WHERE here.iccid = repeated.iccid AND here.line > repeated.first
        RETURNING here.line, here.iccid, repeated.first)
    SELECT * FROM dropped ORDER BY line"""
_DROP_CONTRADICTING = """WITH dropped AS (
        DELETE FROM staged_sim AS here USING esim_sim AS there
        WHERE here.iccid = there.iccid AND (
            here.kind <> there.kind
            OR here.profile_type <> there.profile_type
            OR here.provider_id IS DISTINCT FROM there.provider_id
            OR here.imsi <> there.imsi AND '' NOT IN (here.imsi, there.imsi)
            OR here.msisdn <> there.msisdn AND '' NOT IN (here.msisdn, there.msisdn))
        RETURNING here.line, here.iccid, here.kind, here.profile_type, here.provider_id,
            here.imsi, here.msisdn, here.puk_ending, there.kind, there.profile_type,
            there.provider_id,
            there.imsi, there.msisdn)
    SELECT * FROM dropped ORDER BY 1"""
_WITH_TWO_PUKS = """SELECT here.line, here.iccid, here.puk_ending, there.puk_ending
    FROM staged_sim AS here JOIN esim_sim AS there ON there.iccid = here.iccid
    WHERE here.puk_ending <> '' AND there.puk_ending <> '' ORDER BY here.line"""
_FILLS = """(there.imsi = '' AND here.imsi <> '' OR there.msisdn = '' AND here.msisdn <> ''
    OR there.puk_ending = '' AND here.puk_ending <> '')"""
# SIMs that do not change are not written, so sales do not wait for their row locks.
_MERGE = f"""WITH filled AS (
        UPDATE esim_sim AS there SET
            imsi = CASE there.imsi WHEN '' THEN here.imsi ELSE there.imsi END,
            msisdn = CASE there.msisdn WHEN '' THEN here.msisdn ELSE there.msisdn END,
            puk_ending = CASE there.puk_ending
                WHEN '' THEN here.puk_ending ELSE there.puk_ending END
        FROM staged_sim AS here WHERE here.iccid = there.iccid AND {_FILLS}
        RETURNING 1),
    added AS (
        INSERT INTO esim_sim (iccid, kind, state, profile_type, provider_id, imsi, msisdn,
            is_in_programme, puk_ending)
        SELECT iccid, kind, 'available', profile_type, provider_id, imsi, msisdn, is_in_programme,
            puk_ending
        FROM staged_sim AS here
        WHERE NOT EXISTS (SELECT FROM esim_sim AS there WHERE there.iccid = here.iccid)
        ORDER BY line
        RETURNING 1)
    SELECT (SELECT count(*) FROM added), (SELECT count(*) FROM filled),
        (SELECT count(*) FROM staged_sim)"""  # noqa: S608 -- a constant condition
_COUNT = f"""SELECT count(*) FILTER (WHERE there.id IS NULL), count(*) FILTER (WHERE {_FILLS}),
        count(*)
    FROM staged_sim AS here LEFT JOIN esim_sim AS there ON there.iccid = here.iccid"""  # noqa: S608 -- the same
