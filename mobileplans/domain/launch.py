"""The parser of the launch address (docs/contract.md#launch).

This module uses no Django. It splits the query string itself because the standard parsers turn
`+` into a space, and `transactionId` must go back exactly as it came.
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

# In characters, and in items of a list.
LONGEST_TRANSACTION_ID = 64
LONGEST_LIST = 50
LONGEST_IMEI = 20
_REGION = re.compile("[0-9]{3}")
_CONTROL_CHARACTER = re.compile("[\x00-\x1f\x7f-\x9f]")
Identifier = TypeVar("Identifier", Eid, Iccid, Imei, Country)


@dataclass(frozen=True)
class Launch:
    """What the host said about the device and its location. All of it is a claim, not a proof."""

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
    # Oddities that are no reason to refuse. They go to the log and to support.
    remarks: tuple[str, ...] = ()

    @property
    def is_open_web(self) -> bool:
        return self.eid is None and self.iccid is None


def parse_launch(query_string: str) -> Launch:
    """Parse a raw query string. Nothing in it raises an error: `refused_as` says what is wrong."""
    raw = _first_values(query_string)
    transaction_id = _parse_transaction_id(raw.get("transactionId", ""))

    values = {name: _decode_and_strip(text) for name, text in raw.items()}
    regions = _drop_regions(values)
    refusals: list[tuple[MoDirectStatus, str]] = []
    parse = partial(_parse_or_refuse, values, refusals)
    bad_sim, bad_place = MoDirectStatus.INVALID_SIM, MoDirectStatus.CLIENT_ERROR
    eid = parse(Eid, "eid", bad_sim)
    has_eid = bool(values.get("eid"))
    # With an EID, `iccid` only names one more profile on the eSIM,
    # and never refuses the launch.
    extra = _parse_iccid(values.get("iccid", "")) if has_eid else None
    card = None if has_eid else parse(Iccid, "iccid", bad_sim)
    location = parse(Country, "location", bad_place)
    market = parse(Country, "market", bad_place)

    profiles, dropped = _parse_iccids(values.get("iccids", ""))
    if extra:
        profiles.append(extra)

    # Kept for support as it came, without characters that a database refuses.
    imei = _CONTROL_CHARACTER.sub("", values.get("imei", ""))[:LONGEST_IMEI]
    return Launch(
        transaction_id=transaction_id or f"moportal-{secrets.token_hex(8)}",
        transaction_id_is_generated=not transaction_id,
        eid=eid,
        iccid=card,
        iccids=tuple(dict.fromkeys(profiles)),
        imei=imei,
        # If the host names only one of the two, the other is taken to be the same.
        location=location or market,
        market=market or location,
        refused_as=refusals[0][0] if refusals else None,
        refused_because=refusals[0][1] if refusals else "",
        remarks=tuple(_remarks(raw, transaction_id, imei, dropped)) + regions,
    )


def _remarks(raw: dict[str, str], transaction_id: str, imei: str, dropped: int) -> Iterator[str]:
    """Yield what was dropped or looks wrong but is no reason to refuse the launch."""
    if raw.get("transactionId") and not transaction_id:
        yield "transactionId unusable"
    if imei and not _is_imei(imei):
        yield "imei fails its check"
    if dropped:
        yield f"{dropped} of iccids unreadable"


def _drop_regions(values: dict[str, str]) -> tuple[str, ...]:
    """Take a region that is no country for missing, and return what to remark about it.

    Windows also offers regions of UN M.49, such as `001` (the world) and `150` (Europe).
    """
    names = ("location", "market")
    regions = [name for name in names if _REGION.fullmatch(values.get(name, ""))]
    return tuple(f"{name} {values.pop(name)} is a region" for name in regions)


def _is_imei(text: str) -> bool:
    try:
        Imei.parse(text)
    except InvalidIdentifier:
        return False
    return True


def _parse_or_refuse(
    values: dict[str, str],
    refusals: list[tuple[MoDirectStatus, str]],
    kind: type[Identifier],
    name: str,
    refused_as: MoDirectStatus,
) -> Identifier | None:
    """Parse one identifier. A value that is present but wrong becomes a reason to refuse."""
    if not values.get(name):
        return None
    try:
        return kind.parse(values[name])
    except InvalidIdentifier:
        refusals.append((refused_as, name))
        return None


def _first_values(query_string: str) -> dict[str, str]:
    """Return each name with its first value, still encoded."""
    # Values stay encoded, because `transactionId` is decoded differently from the others.
    pairs = (part.partition("=") for part in query_string.split("&"))
    values: dict[str, str] = {}
    for name, _, text in pairs:
        values.setdefault(unquote_plus(name).strip(), text)
    return values


def _parse_transaction_id(encoded: str) -> str:
    """Decode the id once and leave `+` alone. Return nothing if the id cannot be kept."""
    try:
        text = unquote(encoded, errors="strict")
    except UnicodeDecodeError:
        # An id that is not UTF-8 could not be returned as it came.
        return ""
    is_kept = len(text) <= LONGEST_TRANSACTION_ID and not _CONTROL_CHARACTER.search(text)
    return text if is_kept else ""


def _decode_and_strip(encoded: str) -> str:
    """Decode a value and strip spaces and quotes, which Microsoft's own samples contain."""
    return unquote_plus(encoded).strip(" \t\"'\\“”").strip()


def _parse_iccids(text: str) -> tuple[list[Iccid], int]:
    """Parse a list of ICCIDs. Return them, and how many items were dropped.

    Items beyond the limit are dropped like unreadable ones.
    """
    items = [item for item in text.split(",") if item.strip()]
    parsed = [_parse_iccid(item) for item in items[:LONGEST_LIST]]
    iccids = [iccid for iccid in parsed if iccid]
    return iccids, len(items) - len(iccids)


def _parse_iccid(text: str) -> Iccid | None:
    try:
        return Iccid.parse(text.strip(" \"'"))
    except InvalidIdentifier:
        return None
