"""Putting the lines of a file into the stock: all of them, or none where one is in error.

PostgreSQL is given the lines by COPY and merges them by one statement; memory does not grow with
the file. SQLite has a plain twin in batches, which remembers every ICCID of the file. Both answer
alike, and both are called inside a transaction that holds the ranges (`ranges.hold`).
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

from django.db import connection, transaction

from esim.domain.reading import Fault, SimRow
from esim.models import Sim

BATCH = 1000
Tell = Callable[[Fault], None]


class Merged(NamedTuple):
    """How many lines were new, filled a gap, and were there already."""

    new: int
    filled: int
    there: int


class Known(NamedTuple):
    """What the stock says of an ICCID, as far as a file can say it too."""

    kind: str
    profile_type: str
    provider_id: int | None
    imsi: str
    msisdn: str


def by_copy(
    lines: Iterator[SimRow],
    *,
    is_in_programme: Callable[[str], bool],
    tell: Tell,
    may_write: Callable[[], bool],
) -> Merged:
    """Merge on PostgreSQL. `may_write` is asked once every fault was told."""
    with connection.cursor() as cursor:
        cursor.execute(_STAGE)
        with cursor.copy(_COPY) as copy:
            for batch in _batches(lines):
                copy.write("".join(_as_row(line, is_in_programme(line.iccid)) for line in batch))
        cursor.execute("ANALYZE staged_sim")
        for number, iccid, first in cursor.stream(_DROP_REPEATED):
            tell(_repeated(number, iccid, first))
        for number, iccid, *both in cursor.stream(_DROP_CONTRADICTING):
            said = SimRow(number, iccid, *both[:5])
            fault = _contradiction(said, Known(*both[5:]))
            assert fault is not None  # noqa: S101 -- the statement has found the difference
            tell(fault)
        cursor.execute(_MERGE if may_write() else _COUNT)
        new, filled, staged = cursor.fetchone()
        cursor.execute("DROP TABLE staged_sim")
    return Merged(new, filled, staged - new - filled)


def plainly(
    lines: Iterator[SimRow],
    *,
    is_in_programme: Callable[[str], bool],
    tell: Tell,
    may_write: Callable[[], bool],
) -> Merged:
    """Merge on any database; what may not be written is rolled back at the end."""
    first_lines: dict[str, int] = {}
    merged = Merged(0, 0, 0)
    with transaction.atomic():
        for batch in _batches(lines):
            done = _merge_batch(batch, first_lines, is_in_programme, tell)
            merged = Merged(*(sum(pair) for pair in zip(merged, done, strict=True)))
        if not may_write():
            transaction.set_rollback(True)
    return merged


def _merge_batch(
    batch: list[SimRow],
    first_lines: dict[str, int],
    is_in_programme: Callable[[str], bool],
    tell: Tell,
) -> Merged:
    known = Sim.objects.in_bulk([line.iccid for line in batch], field_name="iccid")
    new, filled, there = [], [], 0
    for line in batch:
        first = first_lines.setdefault(line.iccid, line.number)
        sim = known.get(line.iccid)
        if first != line.number:
            tell(_repeated(line.number, line.iccid, first))
        elif sim is None:
            new.append(_sim(line, is_in_programme(line.iccid)))
        elif fault := _contradiction(line, _known(sim)):
            tell(fault)
        elif _fill(sim, line):
            filled.append(sim)
        else:
            there += 1
    Sim.objects.bulk_create(new)
    Sim.objects.bulk_update(filled, ["imsi", "msisdn"])
    return Merged(len(new), len(filled), there)


def _sim(line: SimRow, is_in_programme: bool) -> Sim:  # noqa: FBT001 -- a field of the row
    said = line._asdict()
    del said["number"]
    return Sim(**said, is_in_programme=is_in_programme)


def _known(sim: Sim) -> Known:
    return Known(sim.kind, sim.profile_type, sim.provider_id, sim.imsi, sim.msisdn)


def _fill(sim: Sim, line: SimRow) -> bool:
    """Take over what was not known before, and say whether there was any."""
    before = (sim.imsi, sim.msisdn)
    sim.imsi, sim.msisdn = sim.imsi or line.imsi, sim.msisdn or line.msisdn
    return (sim.imsi, sim.msisdn) != before


def _repeated(number: int, iccid: str, first: int) -> Fault:
    problem = f"The same ICCID is on line {first}: keep one of them."
    return Fault(number, "iccid", iccid, problem)


def _contradiction(line: SimRow, known: Known) -> Fault | None:
    """Say where the line differs from the stock; what either leaves empty may be filled."""
    for name, there in known._asdict().items():
        here = getattr(line, name)
        may_be_empty = name in {"imsi", "msisdn"}
        if here == there or (may_be_empty and not (here and there)):
            continue
        if name == "provider_id":
            problem = f"SIM {line.iccid} is there already, of another provider."
            return Fault(line.number, "provider", "", problem)
        problem = f"SIM {line.iccid} is there already, with {there or 'nothing'} here."
        return Fault(line.number, name, here, f"{problem} Mend the line, or leave it out.")
    return None


def _batches(lines: Iterator[SimRow]) -> Iterator[list[SimRow]]:
    while batch := list(islice(lines, BATCH)):
        yield batch


def _as_row(line: SimRow, is_in_programme: bool) -> str:  # noqa: FBT001 -- a column of the row
    """Write a line as COPY reads it; nothing that was checked holds a tab or a line end."""
    profile_type = line.profile_type.replace("\\", "\\\\")
    provider = "\\N" if line.provider_id is None else line.provider_id
    return (
        f"{line.number}\t{line.iccid}\t{line.kind}\t{profile_type}\t{provider}"
        f"\t{line.imsi}\t{line.msisdn}\t{is_in_programme:d}\n"
    )


_STAGE = """CREATE TEMPORARY TABLE staged_sim (
    line integer, iccid text, kind text, profile_type text, provider_id bigint, imsi text,
    msisdn text, is_in_programme boolean)"""
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
            here.imsi, here.msisdn, there.kind, there.profile_type, there.provider_id,
            there.imsi, there.msisdn)
    SELECT * FROM dropped ORDER BY 1"""
_FILLS = """(there.imsi = '' AND here.imsi <> '' OR there.msisdn = '' AND here.msisdn <> '')"""
# Rows that are there already are not touched, so that sales never wait for an import.
_MERGE = f"""WITH filled AS (
        UPDATE esim_sim AS there SET
            imsi = CASE there.imsi WHEN '' THEN here.imsi ELSE there.imsi END,
            msisdn = CASE there.msisdn WHEN '' THEN here.msisdn ELSE there.msisdn END
        FROM staged_sim AS here WHERE here.iccid = there.iccid AND {_FILLS}
        RETURNING 1),
    added AS (
        INSERT INTO esim_sim (iccid, kind, state, profile_type, provider_id, imsi, msisdn,
            is_in_programme)
        SELECT iccid, kind, 'available', profile_type, provider_id, imsi, msisdn, is_in_programme
        FROM staged_sim AS here
        WHERE NOT EXISTS (SELECT FROM esim_sim AS there WHERE there.iccid = here.iccid)
        ORDER BY line
        RETURNING 1)
    SELECT (SELECT count(*) FROM added), (SELECT count(*) FROM filled),
        (SELECT count(*) FROM staged_sim)"""  # noqa: S608 -- a condition of ours
_COUNT = f"""SELECT count(*) FILTER (WHERE there.id IS NULL), count(*) FILTER (WHERE {_FILLS}),
        count(*)
    FROM staged_sim AS here LEFT JOIN esim_sim AS there ON there.iccid = here.iccid"""  # noqa: S608 -- the same
