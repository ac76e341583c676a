"""Checks the string that a portal passes to `DataMart.notifyPurchaseResult`, field by field.

`handoff.schema.json` has the rules for the outer JSON and for the JSON inside `purchaseResult`. A
JSON Schema validator ignores the inner JSON, so this module checks it separately. Two rules are
not in the schema: the transaction id is the one of the launch, and `success` agrees with
`moDirectStatus`.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

SCHEMA: dict[str, Any] = json.loads(Path(__file__).with_name("handoff.schema.json").read_text())
INNER = "purchaseResult"
INNER_SCHEMA: dict[str, Any] = SCHEMA["properties"][INNER]["contentSchema"]
MEANINGS = {
    "ver": gettext_lazy("Version of the payload"),
    "success": gettext_lazy("Whether a plan can be used on this device now"),
    "transactionId": gettext_lazy("The transaction ID of the launch, unchanged"),
    "iccid": gettext_lazy("The SIM card or profile to use"),
    "activationCode": gettext_lazy("The code for downloading the profile"),
    "purchaseResult": gettext_lazy("How the visit ended, as JSON in a string"),
    "userAccount": gettext_lazy("The customer's account"),
    "purchaseInstrument": gettext_lazy("The customer's payment method"),
    "line": gettext_lazy("The customer's line at the operator"),
    "moDirectStatus": gettext_lazy("How the purchase ended at the operator"),
    "planName": gettext_lazy("The plan's name in the customer's language"),
    # The fields of the newer calls.
    "call": gettext_lazy("The function that the portal called"),
    "meta": gettext_lazy("How the visit ended, as an object"),
    "lineType": gettext_lazy("Same as line, spelled as in the samples"),
    "modirectStatus": gettext_lazy("Same as moDirectStatus, spelled as in the samples"),
    "minutes": gettext_lazy("How long the app may wait"),
    "context": gettext_lazy("What an earlier call returned"),
    "nextAction": gettext_lazy("What the web sheet's client does next"),
}


@dataclass(frozen=True)
class Field:
    """One line of the report. `value` is None if the payload does not have the field."""

    name: str
    value: str | None
    problems: tuple[str, ...]
    is_inner: bool

    @property
    def meaning(self) -> str:
        """Return what the field is for, in the reader's language."""
        return str(MEANINGS.get(self.name, ""))


@dataclass(frozen=True)
class Report:
    """The result of a check: problems of the whole payload, and its fields in schema order."""

    problems: tuple[str, ...]
    fields: tuple[Field, ...]
    outcome: dict[str, Any]

    @property
    def is_valid(self) -> bool:
        """Return whether an app could use the payload."""
        return not self.problems and not any(field.problems for field in self.fields)


class NotAnObject(ValueError):
    """The text is not a JSON object, or a key appears twice."""


def examine(text: str, *, kind: str, transaction_id: str) -> Report:
    """Check a payload; `kind` is its JavaScript type, `transaction_id` the launch's.

    With an empty `transaction_id` the launch had none, and any transaction id is correct.
    """
    problems = [] if kind == "string" else [_("The app takes one string, but was given: %s") % kind]
    try:
        outer = parse_object(text)
    except NotAnObject as error:
        return Report((*problems, str(error)), (), {})
    faults = list(faults_of(outer, SCHEMA))
    try:
        inner = parse_object(outer[INNER]) if isinstance(outer.get(INNER), str) else None
    except NotAnObject as error:
        inner = None
        faults.append((INNER, str(error)))
    faults += disagreements(outer, inner or {}, transaction_id=transaction_id)
    fields = list(fields_of(outer, SCHEMA, faults, is_inner=False))
    if inner is not None:
        inner_faults = list(faults_of(inner, INNER_SCHEMA))
        fields += fields_of(inner, INNER_SCHEMA, inner_faults, is_inner=True)
    return Report(tuple(problems), tuple(fields), {**(inner or {}), **outer})


def parse_object(text: str) -> dict[str, Any]:
    """Parse one JSON object by RFC 8259: without NaN and without repeated keys.

    Raises `NotAnObject`.
    """
    try:
        document = json.loads(text, parse_constant=refuse, object_pairs_hook=each_key_once)
    except RecursionError as error:
        raise NotAnObject(_("Nested too deeply")) from error
    except ValueError as error:
        raise NotAnObject(_("Not JSON: %s") % error) from error
    if not isinstance(document, dict):
        raise NotAnObject(_("JSON, but not an object"))
    return document


def refuse(constant: str) -> None:
    """Refuse NaN and Infinity, which Python accepts and JSON does not have."""
    raise ValueError(constant)


def each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a repeated key, because parsers differ in which value they take."""
    document = dict(pairs)
    if len(document) < len(pairs):
        raise ValueError(_("a key appears twice"))
    return document


def whole_match(
    _validator: object, pattern: str, instance: object, _schema: object
) -> Iterator[ValidationError]:
    """Check `pattern` on the whole string: Python's `$` also matches before a newline."""
    if isinstance(instance, str) and not re.fullmatch(pattern, instance):
        yield ValidationError(f"{instance!r} does not match {pattern}")


HandoffValidator = extend(  # type: ignore[no-untyped-call]  # the stubs do not type `extend`
    Draft202012Validator, {"pattern": whole_match}
)


def faults_of(document: dict[str, Any], schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Return each violation of the schema: the field and the problem."""
    for error in HandoffValidator(schema).iter_errors(document):
        if error.path:
            yield str(error.path[0]), error.message
        elif error.validator == "required":
            # There is one error for each missing name. The name
            # is only in the error's text.
            name = error.message.split("'")[1]
            yield name, _("Missing")
    for name in document.keys() - schema["properties"].keys():
        yield name, _("Not a field of the payload")


def disagreements(
    outer: dict[str, Any], inner: dict[str, Any], *, transaction_id: str
) -> Iterator[tuple[str, str]]:
    """Return fields that are correct by themselves but disagree with each other."""
    if transaction_id and outer.get("transactionId") not in {None, transaction_id}:
        yield "transactionId", _("Not the transaction ID of the launch: %s") % transaction_id
    status = inner.get("moDirectStatus")
    if status is not None and (status == "Complete") is not (outer.get("success") is True):
        yield "success", _("Does not match moDirectStatus")


def fields_of(
    document: dict[str, Any],
    schema: dict[str, Any],
    faults: list[tuple[str, str]],
    *,
    is_inner: bool,
) -> Iterator[Field]:
    """List the schema's fields in its order, then unknown fields, then the inner JSON."""
    names = [*schema["properties"], *sorted(document.keys() - schema["properties"].keys())]
    names.sort(key=lambda name: name == INNER)
    for name in names:
        value = document.get(name)
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        problems = tuple(dict.fromkeys(text for field, text in faults if field == name))
        yield Field(name, shown if name in document else None, problems, is_inner)
