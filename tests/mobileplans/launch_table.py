"""The launch table of docs/contract.md#launch, row by row, with an example for each row.

A test checks each row, and `make tables` writes the table in docs/host.md from them.
"""

from dataclasses import dataclass
from typing import Any

from mobileplans.words import MoDirectStatus

EID = "89049032123451234512345678901235"
ICCID, OTHER_ICCID = "8949449999999990023", "8988211000000000011"
INVALID_SIM, CLIENT_ERROR = MoDirectStatus.INVALID_SIM, MoDirectStatus.CLIENT_ERROR
LONGEST = "x" * 64


@dataclass(frozen=True)
class LaunchRow:
    """One row. `expected` maps fields of `mobileplans.domain.launch.Launch` to their values."""

    parameter: str
    rule: str
    sent: str
    expected: dict[str, Any]


def _row(parameter: str, rule: str, sent: str, **expected: Any) -> LaunchRow:
    return LaunchRow(parameter, rule, sent, expected)


LAUNCH_TABLE = [
    _row("eid", "32 digits with correct check digits", f"eid={EID}", eid=EID, refused_as=None),
    _row("eid", "surrounding quotes are stripped", f"eid=%22{EID}%22", eid=EID),
    _row("eid", "so are escaped quotes", f"eid=%5C%22{EID}%5C%22", eid=EID),
    _row("eid", "surrounding spaces are stripped", f"eid=+{EID}+", eid=EID),
    _row("eid", "also around the name", f"%20eid%20={EID}", eid=EID),
    _row("eid", "empty counts as missing", "eid=", eid=None, refused_as=None),
    _row(
        "eid",
        "31 digits: refused",
        f"eid={EID[:-1]}",
        refused_as=INVALID_SIM,
        refused_because="eid",
    ),
    _row("eid", "wrong check digits: refused", f"eid={EID[:-1]}6", refused_as=INVALID_SIM),
    _row("eid", "decoded once, not twice", f"eid=%2538{EID[1:]}", refused_as=INVALID_SIM),
    _row("iccid", "18 to 20 digits, Luhn", f"iccid={ICCID}", iccid=ICCID, refused_as=None),
    _row("iccid", "a trailing F is dropped", f"iccid={ICCID}F", iccid=ICCID),
    _row("iccid", "in either case", f"iccid={ICCID}f", iccid=ICCID),
    _row(
        "iccid",
        "not an ICCID: refused",
        "iccid=123",
        refused_as=INVALID_SIM,
        refused_because="iccid",
    ),
    _row(
        "iccid",
        "with an eid, it joins iccids",
        f"eid={EID}&iccid={ICCID}",
        iccid=None,
        iccids=(ICCID,),
        refused_as=None,
    ),
    _row(
        "iccid",
        "with an eid, an invalid one is dropped",
        f"eid={EID}&iccid=123",
        iccid=None,
        iccids=(),
        refused_as=None,
    ),
    _row(
        "iccids",
        "a comma-separated list",
        f"eid={EID}&iccids={ICCID},{OTHER_ICCID}",
        iccids=(ICCID, OTHER_ICCID),
    ),
    _row(
        "iccids",
        "spaces and a trailing F are allowed",
        f"eid={EID}&iccids={ICCID},%20{OTHER_ICCID}F",
        iccids=(ICCID, OTHER_ICCID),
    ),
    _row(
        "iccids",
        "junk is dropped and noted",
        f"eid={EID}&iccids=junk,,{ICCID},1",
        iccids=(ICCID,),
        refused_as=None,
        remarks=("2 of iccids unreadable",),
    ),
    _row(
        "iccids",
        "duplicates are dropped",
        f"eid={EID}&iccids={ICCID}&iccid={ICCID}",
        iccids=(ICCID,),
    ),
    _row("imei", "15 digits", "imei=490154203237518", imei="490154203237518", remarks=()),
    _row(
        "imei",
        "an invalid one is noted, never refused",
        "imei=001201234567890",
        imei="001201234567890",
        refused_as=None,
        remarks=("imei fails its check",),
    ),
    _row("imei", "so is junk", "imei=abc", imei="abc", refused_as=None),
    _row("imei", "control characters are dropped", "imei=%00", imei="", refused_as=None),
    _row(
        "location", "in any case; the default for market", "location=us", location="US", market="US"
    ),
    _row("location", "UK is read as GB", "location=UK", location="GB"),
    _row("location", "XK (Kosovo) counts as a country", "location=xk", location="XK"),
    _row(
        "location",
        "a region that Windows offers (UN M.49) counts as missing",
        "location=150&market=DE",
        location="DE",
        refused_as=None,
        remarks=("location 150 is a region",),
    ),
    _row(
        "location",
        "not a country: refused",
        "location=USA",
        refused_as=CLIENT_ERROR,
        refused_because="location",
    ),
    _row("market", "the default for location", "market=de", location="DE", market="DE"),
    _row("market", "each keeps its own value", "market=US&location=JP", location="JP", market="US"),
    _row(
        "market",
        "a region counts as missing",
        "market=001",
        market=None,
        refused_as=None,
        remarks=("market 001 is a region",),
    ),
    _row(
        "market",
        "not a country: refused",
        "market=XX",
        refused_as=CLIENT_ERROR,
        refused_because="market",
    ),
    _row(
        "market",
        "both missing: the operator's default",
        "",
        location=None,
        market=None,
        refused_as=None,
    ),
    _row(
        "transactionId",
        "kept as sent",
        "transactionId=MSFT_1",
        transaction_id="MSFT_1",
        transaction_id_is_generated=False,
    ),
    _row("transactionId", "+ stays +", "transactionId=a+b", transaction_id="a+b"),
    _row("transactionId", "decoded once", "transactionId=a%2Bb%2Fc%3D", transaction_id="a+b/c="),
    _row("transactionId", "not decoded twice", "transactionId=%252F", transaction_id="%2F"),
    _row("transactionId", "spaces are not stripped", "transactionId=%20x%20", transaction_id=" x "),
    _row("transactionId", "quotes are not stripped", "transactionId=%22x%22", transaction_id='"x"'),
    _row("transactionId", "= inside it stays", "transactionId=a=b", transaction_id="a=b"),
    _row(
        "transactionId", "up to 64 characters", f"transactionId={LONGEST}", transaction_id=LONGEST
    ),
    _row(
        "transactionId",
        "longer: the portal generates one",
        f"transactionId={LONGEST}x",
        transaction_id_is_generated=True,
        remarks=("transactionId unusable",),
    ),
    _row(
        "transactionId",
        "empty: the portal generates one",
        "transactionId=",
        transaction_id_is_generated=True,
        remarks=(),
    ),
    _row(
        "transactionId", "missing: the portal generates one", "", transaction_id_is_generated=True
    ),
    _row(
        "transactionId",
        "a line break: the portal generates one",
        "transactionId=a%0Ab",
        transaction_id_is_generated=True,
    ),
    _row(
        "transactionId",
        "a NUL: the portal generates one",
        "transactionId=a%00",
        transaction_id_is_generated=True,
    ),
    _row(
        "transactionId",
        "not UTF-8: the portal generates one",
        "transactionId=%FF",
        transaction_id_is_generated=True,
    ),
    _row("anything else", "ignored", "phoneNumber=1&x=%00&=&&&=&y", refused_as=None, remarks=()),
    _row("anything else", "names are case-sensitive", f"EID={EID}", eid=None),
    _row("repeated", "the first one counts", f"eid={EID}&eid=junk", eid=EID, refused_as=None),
    _row("repeated", "for every parameter", "market=US&market=XX", market="US", refused_as=None),
]
