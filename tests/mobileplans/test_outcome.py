"""`mobileplans.domain.outcome`: every outcome is valid by the handoff's schema."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobileplans.domain.outcome import Outcome
from mobileplans.words import LineResult, MoDirectStatus, PurchaseInstrument, UserAccount

SCHEMA = json.loads(Path("mobileplans/handoff.schema.json").read_text(encoding="utf-8"))
INNER = SCHEMA["properties"]["purchaseResult"]["contentSchema"]


def validated(payload: str) -> dict[str, str]:
    outer = json.loads(payload)
    jsonschema.validate(outer, SCHEMA)
    inner: dict[str, str] = json.loads(outer["purchaseResult"])
    jsonschema.validate(inner, INNER)
    return inner


def bought(plan_name: str) -> Outcome:
    return Outcome(
        UserAccount.NEW,
        PurchaseInstrument.NEW,
        LineResult.NEW,
        MoDirectStatus.COMPLETE,
        success=True,
        iccid="8949449999999990023",
        activation_code="1$smdp.example$ABC-1",
        plan_name=plan_name,
    )


@given(st.text(min_size=1))
def test_every_plan_name_is_valid_in_the_payload(name: str) -> None:
    assert validated(bought(name).payload("T"))["planName"] == name


TRANSACTIONS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=64)
_CODE = r"1\$[a-z0-9]{1,20}(\.[a-z0-9]{1,20})?\$[0-9A-Z-]{1,40}"
CODES = st.none() | st.from_regex(_CODE, fullmatch=True)


@st.composite
def outcomes(draw: st.DrawFn) -> Outcome:
    """Draw any possible outcome. Half of them are successes."""
    if draw(st.booleans()):
        return Outcome(
            draw(st.sampled_from([UserAccount.NEW, UserAccount.EXISTING])),
            draw(st.sampled_from(PurchaseInstrument).filter(lambda word: word != "Bailed")),
            draw(st.sampled_from([LineResult.NEW, LineResult.EXISTING])),
            MoDirectStatus.COMPLETE,
            success=True,
            iccid="8949449999999990023",
            activation_code=draw(CODES),
            on_esim=draw(st.booleans()),
            plan_name=draw(st.text(min_size=1, max_size=80)),
        )
    return Outcome(
        draw(st.sampled_from(UserAccount)),
        draw(st.sampled_from(PurchaseInstrument)),
        draw(st.sampled_from(LineResult)),
        draw(st.sampled_from(MoDirectStatus).filter(lambda word: word != "Complete")),
    )


@given(outcomes(), TRANSACTIONS)
def test_every_outcome_that_can_be_built_is_valid(outcome: Outcome, transaction_id: str) -> None:
    payload = outcome.payload(transaction_id)

    assert validated(payload) == outcome.purchase_result
    assert json.loads(payload)["transactionId"] == transaction_id
    assert json.loads(json.dumps(outcome.for_newer_hosts()))["meta"] == outcome.purchase_result


@pytest.mark.parametrize(
    "wrong",
    [
        {"iccid": ""},
        {"plan_name": ""},
        {"success": False},
        {"mo_direct_status": MoDirectStatus.NONE},
        {"user_account": UserAccount.BAILED},
        {"line": LineResult.NONE},
        {"purchase_instrument": PurchaseInstrument.BAILED},
        {"activation_code": "LPA:1$smdp.example$A"},
        {"activation_code": "1$smdp.example$A$$1"},
    ],
)
def test_an_invalid_outcome_cannot_be_built(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        replace(bought("Day"), **wrong)


def test_an_outcome_without_success_cannot_have_a_download() -> None:
    left = Outcome(UserAccount.NONE, PurchaseInstrument.NONE, LineResult.NONE, MoDirectStatus.NONE)

    with pytest.raises(ValueError, match="Only a success"):
        replace(left, activation_code="1$smdp.example$A")


def test_without_a_download_the_activation_code_is_absent() -> None:
    outcome = Outcome(
        UserAccount.EXISTING,
        PurchaseInstrument.NONE,
        LineResult.EXISTING,
        MoDirectStatus.COMPLETE,
        success=True,
        iccid="8949449999999990023",
        plan_name="Day",
    )

    payload = outcome.payload("T")

    validated(payload)
    assert "activationCode" not in json.loads(payload)


def test_a_success_without_a_plan_cannot_be_built() -> None:
    with pytest.raises(ValueError, match="names its ICCID and its plan"):
        bought("")


@pytest.mark.parametrize("status", [one for one in MoDirectStatus if one != "Complete"])
def test_without_a_success_iccid_and_code_are_empty(status: MoDirectStatus) -> None:
    outcome = Outcome(UserAccount.NONE, PurchaseInstrument.NONE, LineResult.NONE, status)

    payload = outcome.payload("T")

    validated(payload)
    assert (json.loads(payload)["iccid"], json.loads(payload)["activationCode"]) == ("", "")
