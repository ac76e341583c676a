"""Random walks: after any calls in any order, states and books obey the standard."""

from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.simulators.es2plus import (
    CODE,
    EID,
    HEADER,
    ICCID,
    MATCHING_ID,
    OTHER_EID,
    OTHER_ICCID,
    PATH,
    PROTOCOL,
    code_of,
    is_listed,
    script,
)

# The moves that one call may make, written again from SGP.22 v2.2, 3.1.6. A download passes through
# Downloaded, and a ConfirmOrder that releases passes through Confirmed.
CALLED = {
    ("downloadOrder", "Available"): {"Allocated", "Linked"},
    ("confirmOrder", "Allocated"): {"Confirmed", "Released"},
    ("confirmOrder", "Linked"): {"Confirmed", "Released"},
    ("releaseProfile", "Confirmed"): {"Released"},
    ("cancelOrder", "Allocated"): {"Available", "Unavailable"},
    ("cancelOrder", "Linked"): {"Available", "Unavailable"},
    ("cancelOrder", "Confirmed"): {"Available", "Unavailable"},
    ("cancelOrder", "Released"): {"Available", "Unavailable"},
    ("cancelOrder", "Error"): {"Available", "Unavailable"},
    ("download", "Released"): {"Downloaded", "Installed", "Error"},
    ("download", "Downloaded"): {"Installed", "Error"},
}


def mostly(usual: Any, *others: Any) -> st.SearchStrategy[Any]:
    """Return the usual value most of the time, so that a walk makes progress."""
    return st.sampled_from([usual] * 8 + list(others))


iccids = mostly(ICCID, ICCID + "F", OTHER_ICCID)
eids = mostly(EID, None, OTHER_EID)
matching_ids = mostly(MATCHING_ID, None, "", "KESTREL-2")
faults = mostly(
    None, "drop_before", "drop_after", "failed", "expired_after", "warning", "no_header"
)


def calling(function: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.tuples(st.just(function), st.fixed_dictionaries(fields))


ordering = calling("downloadOrder", iccid=iccids, eid=eids, profileType=mostly("a", None, "b"))
confirming = calling(
    "confirmOrder",
    iccid=iccids,
    eid=eids,
    matchingId=matching_ids,
    releaseFlag=st.booleans(),
    confirmationCode=st.sampled_from([None, "4711"]),
)
releasing = calling("releaseProfile", iccid=iccids)
cancelling = calling(
    "cancelOrder",
    iccid=iccids,
    eid=eids,
    matchingId=matching_ids,
    finalProfileStatusIndicator=mostly("Available", "Unavailable"),
)
downloading = calling(
    "download",
    activationCode=matching_ids.map(lambda bound: f"1$smdp.kestrel.example${bound or ''}"),
    eid=mostly(EID, OTHER_EID),
    confirmationCode=mostly("4711", None, "0815"),
    end=st.sampled_from(["installed", "downloaded"]),
    fail=st.sampled_from(["", "", "OperationAborted", "CardBusy", "ProfileProcessingError"]),
)
# The numbers of regular steps before a walk, so that walks begin in different states.
BOUND = {"iccid": ICCID, "eid": EID, "matchingId": MATCHING_ID}
STRAIGHT: list[tuple[str, dict[str, Any]]] = [
    ("downloadOrder", {"iccid": ICCID, "eid": EID, "profileType": "a"}),
    ("confirmOrder", {**BOUND, "releaseFlag": False}),
    ("releaseProfile", {"iccid": ICCID}),
    ("download", {"activationCode": CODE, "eid": EID, "end": "downloaded"}),
    ("download", {"activationCode": CODE, "eid": EID, "fail": "ProfileProcessingError"}),
]
steps = st.one_of(ordering, confirming, confirming, releasing, cancelling, downloading, downloading)


def take(smdp: httpx.Client, function: str, fields: dict[str, Any]) -> httpx.Response | None:
    """Make one call, and return its answer if there is one."""
    if function == "download":
        return smdp.post("/device/download", json=fields).raise_for_status()
    try:
        return smdp.post(PATH + function, json={"header": HEADER, **fields}, headers=PROTOCOL)
    except httpx.RemoteProtocolError:
        return None


def states(books: dict[str, Any]) -> dict[str, str]:
    return {kept["iccid"]: kept["state"] for kept in books["profiles"]}


def check_moves(function: str, before: dict[str, str], after: dict[str, str]) -> int:
    """Check that one call moved one profile at most, and only where it may go."""
    moved = [iccid for iccid in after if after[iccid] != before.get(iccid, "Available")]
    for iccid in moved:
        assert after[iccid] in CALLED[function, before.get(iccid, "Available")]
    assert before.keys() <= after.keys()
    assert len(moved) <= 1
    return len(moved)


def check_row(
    kept: dict[str, Any], answer: httpx.Response | None, *, fault: str | None, moved: int
) -> None:
    """Check the row of a call against its answer and the states that changed."""
    if answer is None:
        assert kept["answer"] is None
    else:
        assert kept["answer"] == {"status": answer.status_code, "body": answer.text}
    if answer is not None and fault is None:
        assert (kept["code"] or "success") == code_of(answer.json())
        assert not kept["code"] or is_listed(kept["function"], kept["code"])
    if kept["status"] != "Executed-Success":
        assert moved == 0
    elif kept["function"] != "releaseProfile":
        assert moved == 1


# All examples share one process, and each begins with empty books.
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    begun=st.integers(0, len(STRAIGHT)),
    walk=st.lists(st.tuples(steps, faults), min_size=5, max_size=20),
)
def test_a_random_walk_makes_only_moves_of_the_standard(
    smdp: httpx.Client, begun: int, walk: list[tuple[tuple[str, dict[str, Any]], str | None]]
) -> None:
    smdp.post("/reset")
    before: dict[str, str] = {}
    for (function, fields), fault in [*((step, None) for step in STRAIGHT[:begun]), *walk]:
        if fault:
            script(smdp, "*", fault)

        answer = take(smdp, function, fields)

        books = smdp.get("/books").json()
        moved = check_moves(function, before, states(books))
        if function != "download":
            check_row(books["calls"][-1], answer, fault=fault, moved=moved)
        before = states(books)
        smdp.delete("/faults")
