"""The bill's requests and the simulator's answers against CAMARA's OpenAPI documents.

The documents are not part of this repository, so pytest does not collect this file by itself.
`make camara SPEC=FOLDER` names the folder with carrier-billing.yaml and
carrier-billing-refund.yaml.
"""

import os
import re
import sys
from collections import Counter
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker

from tests.payments.bill_journeys import play
from tests.payments.test_bill_schema import parse

FOLDER = os.environ.get("CAMARA_SPEC", "")
DOCUMENTS = {
    "/carrier-billing/v0": "carrier-billing.yaml",
    "/carrier-billing-refund/v0": "carrier-billing-refund.yaml",
}


@cache
def document(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((Path(FOLDER) / name).read_text(encoding="utf-8"))
    return _exact(loaded)  # type: ignore[no-any-return]  # the same shape


def _exact(value: Any) -> Any:
    """Return the document with decimals instead of floats."""
    if isinstance(value, dict):
        return {key: _exact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_exact(item) for item in value]
    return Decimal(str(value)) if isinstance(value, float) else value


def operation_of(exchange: dict[str, Any]) -> tuple[str, dict[str, Any], str]:
    """Return the document, the operation and its id for a request."""
    base = max((one for one in DOCUMENTS if exchange["path"].startswith(f"{one}/")), key=len)
    name, path = DOCUMENTS[base], exchange["path"].removeprefix(base)
    # A path without parameters comes before one with them.
    templates = sorted(document(name)["paths"], key=lambda one: one.count("{"))
    for template in templates:
        operation = document(name)["paths"][template].get(exchange["method"].lower())
        if operation and re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path):
            return name, operation, operation["operationId"]
    raise AssertionError(exchange["path"])


def problems(name: str, schema: dict[str, Any], value: object) -> list[str]:
    components = document(name)["components"]
    whole = {**schema, "components": components}
    validator = Draft202012Validator(whole, format_checker=FormatChecker())
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def resolved(name: str, node: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference to a part of the document."""
    while "$ref" in node:
        found: Any = document(name)
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        node = found
    return node


def schema_of(name: str, part: dict[str, Any]) -> dict[str, Any] | None:
    content = resolved(name, part).get("content", {})
    found: dict[str, Any] | None = content.get("application/json", {}).get("schema")
    return found


def test_requests_and_answers_are_valid(billing: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert FOLDER, "Say where the documents are: make camara SPEC=FOLDER"
    exchanges = play(billing)

    counted: Counter[str] = Counter()
    found: list[str] = []
    for one in exchanges:
        name, operation, operation_id = operation_of(one)
        counted[f"{operation_id} {one['status']} {code_of(one)}".strip()] += 1
        body = operation.get("requestBody")
        if body is not None:
            schema = schema_of(name, body)
            assert schema is not None
            found += problems(name, schema, parse(one["asked"]))
        answer = operation["responses"].get(str(one["status"]))
        assert answer is not None, (operation_id, one["status"])
        schema = schema_of(name, answer)
        if schema is None:
            assert one["answered"] == ""
        else:
            found += problems(name, schema, parse(one["answered"]))
    with capsys.disabled():
        sys.stdout.write(f"\n{len(exchanges)} requests and answers, {len(found)} problems\n")
        sys.stdout.writelines(f"  {count:3} {line}\n" for line, count in sorted(counted.items()))
    assert found == []


def code_of(exchange: dict[str, Any]) -> str:
    """Return the code of an error, or an empty text."""
    answered = parse(exchange["answered"])
    return answered.get("code", "") if isinstance(answered, dict) else ""
