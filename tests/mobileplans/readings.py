"""The contract's launch table (section 2), row by row: what it says, what is sent, what is read.

The test walks it, and the table in `docs/host.md` is written from it.
"""

from dataclasses import dataclass
from typing import Any

from mobileplans.words import MoDirectStatus

EID = "89049032123451234512345678901235"
ICCID, OTHER_ICCID = "8949449999999990023", "8988211000000000011"
INVALID_SIM, CLIENT_ERROR = MoDirectStatus.INVALID_SIM, MoDirectStatus.CLIENT_ERROR
LONGEST = "x" * 64


@dataclass(frozen=True)
class Reading:
    """One row. `expected` names fields of `mobileplans.domain.launch.Launch`."""

    parameter: str
    words: str
    sent: str
    expected: dict[str, Any]


def _row(parameter: str, words: str, sent: str, **expected: Any) -> Reading:
    return Reading(parameter, words, sent, expected)


READINGS = [
    _row("eid", "32 digits, check digits right", f"eid={EID}", eid=EID, refused_as=None),
    _row("eid", "quotes around it are stripped", f"eid=%22{EID}%22", eid=EID),
    _row("eid", "escaped quotes too", f"eid=%5C%22{EID}%5C%22", eid=EID),
    _row("eid", "spaces around it are stripped", f"eid=+{EID}+", eid=EID),
    _row("eid", "spaces around its name too", f"%20eid%20={EID}", eid=EID),
    _row("eid", "empty: as if it were not there", "eid=", eid=None, refused_as=None),
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
    _row("iccid", "none: refused", "iccid=123", refused_as=INVALID_SIM, refused_because="iccid"),
    _row(
        "iccid",
        "with an eid: one more of iccids",
        f"eid={EID}&iccid={ICCID}",
        iccid=None,
        iccids=(ICCID,),
        refused_as=None,
    ),
    _row(
        "iccid",
        "with an eid, a wrong one is dropped",
        f"eid={EID}&iccid=123",
        iccid=None,
        iccids=(),
        refused_as=None,
    ),
    _row(
        "iccids",
        "a comma list",
        f"eid={EID}&iccids={ICCID},{OTHER_ICCID}",
        iccids=(ICCID, OTHER_ICCID),
    ),
    _row(
        "iccids",
        "spaces and F allowed",
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
    _row("iccids", "each once", f"eid={EID}&iccids={ICCID}&iccid={ICCID}", iccids=(ICCID,)),
    _row("imei", "15 digits", "imei=490154203237518", imei="490154203237518", remarks=()),
    _row(
        "imei",
        "a wrong one is noted, never refused",
        "imei=001201234567890",
        imei="001201234567890",
        refused_as=None,
        remarks=("imei fails its check",),
    ),
    _row("imei", "so is junk", "imei=abc", imei="abc", refused_as=None),
    _row("imei", "control characters are dropped", "imei=%00", imei="", refused_as=None),
    _row("location", "any case; stands in for market", "location=us", location="US", market="US"),
    _row("location", "UK is GB", "location=UK", location="GB"),
    _row(
        "location",
        "no country: refused",
        "location=USA",
        refused_as=CLIENT_ERROR,
        refused_because="location",
    ),
    _row("market", "stands in for location", "market=de", location="DE", market="DE"),
    _row("market", "each its own", "market=US&location=JP", location="JP", market="US"),
    _row(
        "market",
        "no country: refused",
        "market=XX",
        refused_as=CLIENT_ERROR,
        refused_because="market",
    ),
    _row(
        "market", "neither: the operator's default", "", location=None, market=None, refused_as=None
    ),
    _row(
        "transactionId",
        "taken as sent",
        "transactionId=MSFT_1",
        transaction_id="MSFT_1",
        transaction_id_is_generated=False,
    ),
    _row("transactionId", "+ stays +", "transactionId=a+b", transaction_id="a+b"),
    _row("transactionId", "decoded once", "transactionId=a%2Bb%2Fc%3D", transaction_id="a+b/c="),
    _row("transactionId", "and not twice", "transactionId=%252F", transaction_id="%2F"),
    _row("transactionId", "spaces are not stripped", "transactionId=%20x%20", transaction_id=" x "),
    _row("transactionId", "nor quotes", "transactionId=%22x%22", transaction_id='"x"'),
    _row("transactionId", "= within it stays", "transactionId=a=b", transaction_id="a=b"),
    _row("transactionId", "64 characters", f"transactionId={LONGEST}", transaction_id=LONGEST),
    _row(
        "transactionId",
        "65: our own, marked",
        f"transactionId={LONGEST}x",
        transaction_id_is_generated=True,
        remarks=("transactionId unusable",),
    ),
    _row(
        "transactionId",
        "empty: our own",
        "transactionId=",
        transaction_id_is_generated=True,
        remarks=(),
    ),
    _row("transactionId", "missing: our own", "", transaction_id_is_generated=True),
    _row(
        "transactionId",
        "a line end: our own",
        "transactionId=a%0Ab",
        transaction_id_is_generated=True,
    ),
    _row("transactionId", "a NUL: our own", "transactionId=a%00", transaction_id_is_generated=True),
    _row(
        "transactionId", "not UTF-8: our own", "transactionId=%FF", transaction_id_is_generated=True
    ),
    _row("anything else", "ignored", "phoneNumber=1&x=%00&=&&&=&y", refused_as=None, remarks=()),
    _row("anything else", "names in another case are others", f"EID={EID}", eid=None),
    _row("repeated", "the first counts", f"eid={EID}&eid=junk", eid=EID, refused_as=None),
    _row("repeated", "of every parameter", "market=US&market=XX", market="US", refused_as=None),
]
