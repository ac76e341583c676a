"""Reading the launch address (contract, section 2): text in, a `Launch` or a refusal out.

No Django in here. The query string is taken apart by hand because the standard parsers turn `+`
into a space, and `transactionId` must come back exactly as it was sent.
"""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeVar
from urllib.parse import unquote, unquote_plus

from mobileplans.words import MoDirectStatus
from moportal.identifiers import Country, Eid, Iccid, Imei, InvalidIdentifier

LONGEST_TRANSACTION_ID = 64
LONGEST_LIST = 50
LONGEST_IMEI = 20
_CONTROL_CHARACTER = re.compile("[\x00-\x1f\x7f-\x9f]")
Identifier = TypeVar("Identifier", Eid, Iccid, Imei, Country)


@dataclass(frozen=True)
class Launch:
    """What the host said of the device and where it is. All of it is a claim, not a proof."""

    transaction_id: str
    transaction_id_is_generated: bool
    eid: Eid | None = None
    iccid: Iccid | None = None
    iccids: tuple[Iccid, ...] = ()
    imei: str = ""
    location: Country | None = None
    market: Country | None = None
    refused_as: MoDirectStatus | None = None
    refused_because: str = ""
    # What was odd and is not refused: for the log and for support.
    remarks: tuple[str, ...] = ()

    @property
    def is_open_web(self) -> bool:
        return self.eid is None and self.iccid is None


def parse_launch(query_string: str) -> Launch:
    """Read a raw query string; never raises. A refusal is named in `refused_as`."""
    raw = _first_values(query_string)
    transaction_id = _transaction_id(raw.get("transactionId", ""))
    value = {name: _tidied(text) for name, text in raw.items()}
    refusals: list[tuple[MoDirectStatus, str]] = []
    parsed = partial(_parsed, value, refusals)
    eid = parsed(Eid, "eid", MoDirectStatus.INVALID_SIM)
    has_eid = bool(value.get("eid"))
    iccid = (
        _iccid_or_none(value.get("iccid", ""))
        if has_eid
        else parsed(Iccid, "iccid", MoDirectStatus.INVALID_SIM)
    )
    location = parsed(Country, "location", MoDirectStatus.CLIENT_ERROR)
    market = parsed(Country, "market", MoDirectStatus.CLIENT_ERROR)
    items = [item for item in value.get("iccids", "").split(",") if item.strip()]
    listed = [_iccid_or_none(item) for item in items[:LONGEST_LIST]]
    # With an EID, `iccid` is one more profile that is already on the eSIM.
    listed += [iccid] if has_eid else []
    # Noted for support as it came, less what no store takes.
    imei = _CONTROL_CHARACTER.sub("", value.get("imei", ""))[:LONGEST_IMEI]
    return Launch(
        transaction_id=transaction_id or f"moportal-{secrets.token_hex(8)}",
        transaction_id_is_generated=not transaction_id,
        eid=eid,
        iccid=None if has_eid else iccid,
        iccids=tuple(dict.fromkeys(item for item in listed if item)),
        imei=imei,
        location=location or market,
        market=market or location,
        refused_as=refusals[0][0] if refusals else None,
        refused_because=refusals[0][1] if refusals else "",
        remarks=tuple(_remarks(raw, transaction_id, imei, items, listed)),
    )


def _remarks(
    raw: dict[str, str],
    transaction_id: str,
    imei: str,
    items: list[str],
    listed: list[Iccid | None],
) -> Iterator[str]:
    """Say what was dropped or looks wrong without being a reason to refuse."""
    if raw.get("transactionId") and not transaction_id:
        yield "transactionId unusable"
    if imei and not _is_imei(imei):
        yield "imei fails its check"
    junk = len(items) - sum(item is not None for item in listed[: len(items)])
    if junk:
        yield f"{junk} of iccids unreadable"


def _is_imei(text: str) -> bool:
    try:
        Imei.parse(text)
    except InvalidIdentifier:
        return False
    return True


def _parsed(
    value: dict[str, str],
    refusals: list[tuple[MoDirectStatus, str]],
    kind: type[Identifier],
    name: str,
    refused_as: MoDirectStatus,
) -> Identifier | None:
    """Read one identifier; one that is there and wrong is noted as a reason to refuse."""
    if not value.get(name):
        return None
    try:
        return kind.parse(value[name])
    except InvalidIdentifier:
        refusals.append((refused_as, name))
        return None


def _first_values(query_string: str) -> dict[str, str]:
    """Split into names and still encoded values; of a repeated name the first counts."""
    pairs = (part.partition("=") for part in query_string.split("&"))
    values: dict[str, str] = {}
    for name, _, text in pairs:
        values.setdefault(unquote_plus(name).strip(), text)
    return values


def _transaction_id(encoded: str) -> str:
    """Decode once, `+` staying `+`; empty where it must be replaced by one of our own."""
    try:
        text = unquote(encoded, errors="strict")
    except UnicodeDecodeError:
        return ""
    is_kept = len(text) <= LONGEST_TRANSACTION_ID and not _CONTROL_CHARACTER.search(text)
    return text if is_kept else ""


def _tidied(encoded: str) -> str:
    """Decode and strip the spaces and quotes that the source's own samples carry."""
    return unquote_plus(encoded).strip(" \t\"'\\“”").strip()


def _iccid_or_none(text: str) -> Iccid | None:
    try:
        return Iccid.parse(text.strip(" \"'"))
    except InvalidIdentifier:
        return None
