"""The parser of the handoff's payload: what the app does first with its string."""

import json
from typing import Any

from jsonschema import Draft202012Validator

from demo.parts import ROOT

SCHEMA: dict[str, Any] = json.loads((ROOT / "mobileplans/handoff.schema.json").read_text())
INNER = "purchaseResult"
INNER_SCHEMA: dict[str, Any] = SCHEMA["properties"][INNER]["contentSchema"]


def parse_payload(text: str) -> dict[str, Any]:
    """Return the payload with its inner JSON parsed. Raise an error if the schema is not met."""
    payload: dict[str, Any] = json.loads(text)
    Draft202012Validator(SCHEMA).validate(payload)
    payload[INNER] = json.loads(payload[INNER])
    Draft202012Validator(INNER_SCHEMA).validate(payload[INNER])
    return payload


def purchase_result(*words: str) -> dict[str, str]:
    """Return the five inner fields, given in the order of docs/contract.md#outcomes."""
    names = ("userAccount", "purchaseInstrument", "line", "moDirectStatus", "planName")
    return dict(zip(names, words, strict=True))
