"""Calls of an operator and of a device to the SM-DP+ simulator, over HTTP."""

from typing import Any

import httpx

ICCID = "8988211000000000011"
OTHER_ICCID = "8988211000000000029"
EID = "89049032123451234512345678901235"
OTHER_EID = "89049032000000000000000000000066"
MATCHING_ID = "KESTREL-1"
CODE = f"1$smdp.kestrel.example${MATCHING_ID}"
PATH = "/gsma/rsp2/es2plus/"
HEADER = {"functionRequesterIdentifier": "2.999.10", "functionCallIdentifier": "TX-567"}
# The codes of SGP.22 v2.2, 5.3.1 to 5.3.4. Codes with the subject 1.1 (requester) or 1.6 (function)
# are about the message, and may answer any function.
LISTED = {
    "downloadOrder": "8.2.1/3.9 8.2.1/1.2 8.2.1/3.3 8.2.5/3.9 8.2.5/1.2 8.2.5/3.7 8.2.5/3.8",
    "confirmOrder": "8.2.1/3.9 8.2.1/1.2 8.2.6/3.3 8.9/5.1 8.9/4.2 8.1.1/2.2 8.1.1/3.10",
    "cancelOrder": "8.2.1/3.9 8.2.1/1.2 8.2.1/3.3 8.2.1/3.10 8.2.6/3.10",
    "releaseProfile": "8.2.1/3.9 8.2.1/1.2 8.2.1/3.5",
}
PROTOCOL = {"X-Admin-Protocol": "gsma/rsp/v2.2.0"}


def call(smdp: httpx.Client, function: str, **fields: object) -> dict[str, Any]:
    response = smdp.post(
        f"/gsma/rsp2/es2plus/{function}", json={"header": HEADER, **fields}, headers=PROTOCOL
    )
    assert response.status_code == 200
    assert response.headers["X-Admin-Protocol"].startswith("gsma/rsp/v")
    answer: dict[str, Any] = response.json()
    return answer


def code_of(answer: dict[str, Any]) -> str:
    execution = answer["header"]["functionExecutionStatus"]
    if execution["status"] == "Executed-Success":
        return "success"
    data = execution["statusCodeData"]
    return f"{data['subjectCode']}/{data['reasonCode']}"


def is_listed(function: str, code: str) -> bool:
    """Return whether the standard lists this code for this function."""
    return code in LISTED[function].split() or code.startswith(("1.1/", "1.6/"))


def order(smdp: httpx.Client, **fields: object) -> str:
    asked = {"iccid": ICCID, "eid": EID, "profileType": "kestrel-esim", **fields}
    return code_of(call(smdp, "downloadOrder", **asked))


def confirm(smdp: httpx.Client, **fields: object) -> str:
    asked = {"iccid": ICCID, "eid": EID, "matchingId": "KESTREL-1", "releaseFlag": True, **fields}
    return code_of(call(smdp, "confirmOrder", **asked))


def cancel(smdp: httpx.Client, final: str | None = "Unavailable", **fields: object) -> str:
    bound = {"iccid": ICCID, "eid": EID, "matchingId": "KESTREL-1"}
    asked = {**bound, "finalProfileStatusIndicator": final, **fields}
    return code_of(call(smdp, "cancelOrder", **asked))


def release(smdp: httpx.Client) -> str:
    return code_of(call(smdp, "releaseProfile", iccid=ICCID))


def download(smdp: httpx.Client, **fields: object) -> dict[str, Any]:
    response = smdp.post("/device/download", json={"activationCode": CODE, "eid": EID, **fields})
    answer: dict[str, Any] = response.json()
    return answer


def profile(smdp: httpx.Client) -> dict[str, Any]:
    shown: dict[str, Any] = smdp.get("/books").json()["profiles"][0]
    return shown


def script(smdp: httpx.Client, function: str, fault: str, **fields: object) -> None:
    answer = smdp.post("/faults", json={"function": function, "fault": fault, **fields})
    assert answer.status_code == 201


def released(smdp: httpx.Client) -> None:
    assert (order(smdp), confirm(smdp)) == ("success", "success")


def calls(smdp: httpx.Client) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = smdp.get("/books").json()["calls"]
    return shown
