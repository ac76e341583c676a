"""What the bill's adapter sends, and what it accepts, keeps the portal's own schema."""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.payments.bill_journeys import play

SCHEMA = json.loads(
    (Path(__file__).parent / "carrier_billing.schema.json").read_text(), parse_float=Decimal
)
# For each request: its method and path, what is sent, and what a success answers.
SHAPES = [
    ("POST", r".*/payments/prepare", "prepare", "payment"),
    ("POST", r".*/payments/[^/]+/validate", "validate", "nothing"),
    ("POST", r".*/payments/[^/]+/(confirm|cancel)", "end", "nothing"),
    ("POST", r".*/payments/[^/]+/refunds", "refund", "refundMade"),
    ("GET", r".*/refunds/remaining-amount", "nothing", "left"),
    ("GET", r".*/payments/[^/]+/refunds(/[^/]+)?", "nothing", "refundMade"),
    ("GET", r".*/payments/[^/]+", "nothing", "payment"),
    ("GET", r".*/payments", "nothing", "payment"),
]
SUCCESS = range(200, 300)


def parse(text: str) -> Any:
    """Parse JSON with exact decimals, because a float is no multiple of a thousandth."""
    return json.loads(text, parse_float=Decimal) if text else None


def problems(name: str, value: object) -> list[str]:
    validator = Draft202012Validator({**SCHEMA, "$ref": f"#/$defs/{name}"})
    return [error.message for error in validator.iter_errors(value)]


def test_each_request_and_each_answer_keeps_the_schema(billing: str) -> None:
    exchanges = play(billing)

    seen: set[str] = set()
    for one in exchanges:
        # Other requests of this test are there for their answers.
        path = next(s for s in SHAPES if s[0] == one["method"] and re.fullmatch(s[1], one["path"]))
        seen.add(path[1])
        asked, answered = parse(one["asked"]), parse(one["answered"])
        if one["by"] == "moportal":
            assert problems(path[2], asked) == []
        expected = path[3] if one["status"] in SUCCESS else "error"
        for row in answered if isinstance(answered, list) else [answered]:
            assert problems(expected, row) == []
    assert seen == {shape[1] for shape in SHAPES}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("end", {"phoneNumber": "15550100"}),
        ("end", {}),
        ("validate", {"authorizationId": "a", "code": "1 2"}),
        ("refund", {"type": "all", "amountTransaction": {}}),
        ("payment", {"paymentId": "a", "paymentStatus": "evaporated"}),
        ("left", {"amount": Decimal("0.0001"), "currency": "USD"}),
    ],
)
def test_anything_else_breaks_the_schema(name: str, value: object) -> None:
    assert problems(name, value) != []
