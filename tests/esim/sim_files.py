"""SIM files as the tests write them, and what an import makes of them."""

from io import BytesIO
from typing import Any

from esim.domain.importing import Report, import_sims
from esim.models import Sim
from moportal.identifiers import Iccid
from moportal.text.csv_files import Fault

HEADER = "iccid,kind,profile_type,provider,imsi,msisdn"
CARD = "8944110000000990018"
MANY = 2500


def iccid(serial: int) -> Iccid:
    return Iccid.numbered("8944888", serial)


def profile(serial: int, *, imsi: str = "", msisdn: str = "") -> str:
    return f"{iccid(serial)},profile,consumer,one,{imsi},{msisdn}"


def file(*lines: str, header: str = HEADER, ends: str = "\n") -> bytes:
    return ends.join([header, *lines, ""]).encode()


def imported(content: bytes, **options: Any) -> tuple[Report, list[Fault]]:
    faults: list[Fault] = []
    report = import_sims(BytesIO(content), report_fault=faults.append, **options)
    return report, sorted(faults)


def counts(report: Report) -> tuple[int, int, int, int]:
    return report.new, report.filled, report.unchanged, report.faults


def stored() -> list[tuple[Any, ...]]:
    columns = ("iccid", "kind", "state", "profile_type", "provider__code", "imsi", "msisdn")
    return list(Sim.objects.order_by("pk").values_list(*columns, "is_in_programme"))
