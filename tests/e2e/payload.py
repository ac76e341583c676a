"""What the app does first with the string it is given: read it, outer and inner JSON."""

import json
from typing import Any

from jsonschema import Draft202012Validator

from demo.parts import ROOT

SCHEMA: dict[str, Any] = json.loads((ROOT / "mobileplans/handoff.schema.json").read_text())
INNER = "purchaseResult"
INNER_SCHEMA: dict[str, Any] = SCHEMA["properties"][INNER]["contentSchema"]


def read(text: str) -> dict[str, Any]:
    """Return the payload with its inner JSON parsed; raise where the schema is not met."""
    payload: dict[str, Any] = json.loads(text)
    Draft202012Validator(SCHEMA).validate(payload)
    payload[INNER] = json.loads(payload[INNER])
    Draft202012Validator(INNER_SCHEMA).validate(payload[INNER])
    return payload


def five(*words: str) -> dict[str, str]:
    """Return the inner fields in the order of the contract's table, the plan's name last."""
    names = ("userAccount", "purchaseInstrument", "line", "moDirectStatus", "planName")
    return dict(zip(names, words, strict=True))
