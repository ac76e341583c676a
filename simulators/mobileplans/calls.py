"""Checks a call of a newer app's function: its arguments and the `meta` object.

`payload` checks the one string of `DataMart.notifyPurchaseResult`.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from simulators.mobileplans.payload import Field, Report

WORDS = frozenset({"New", "Existing", "Bailed", "None"})
COMPLETE = "Complete"
STATUSES = frozenset(
    {
        COMPLETE,
        "ServiceError",
        "InvalidSIM",
        "LogOnFailed",
        "PurchaseFailed",
        "ClientError",
        "BillingError",
        "Cancelled",
        "None",
    }
)
# The app's documents spell two properties in two ways. An app reads one or the other.
TWINS = {"lineType": "line", "modirectStatus": "moDirectStatus"}
META_FIELDS = {
    "userAccount": WORDS,
    "purchaseInstrument": WORDS,
    "line": WORDS,
    "lineType": WORDS,
    "moDirectStatus": STATUSES,
    "modirectStatus": STATUSES,
}
PLAN_NAME = "planName"
ACTIVATION_CODE = re.compile(r"1\$[A-Za-z0-9.-]+\$[0-9A-Z-]+")
LONGEST_ACTIVATION_CODE = 255
ICCID = re.compile(r"[0-9]{18,20}")


@dataclass(frozen=True)
class Function:
    """One function of an app: its arguments, how many are required, and what it reports.

    `success` is None if the visit continues after the call.
    """

    arguments: tuple[str, ...]
    required: int
    success: bool | None


FUNCTIONS = {
    "MobilePlansInlineOperations.notifyProfileDownload": Function(
        ("meta", "activationCode", "minutes"), required=2, success=True
    ),
    "MobilePlansInlineOperations.notifyBalanceAddition": Function(
        ("meta", "iccid"), required=1, success=True
    ),
    "MobilePlansInlineOperations.notifyOperationCancel": Function(
        ("context",), required=1, success=None
    ),
    "MobilePlans.notifyPurchaseWithProfileDownload": Function(
        ("meta", "activationCode", "minutes"), required=3, success=True
    ),
    "MobilePlans.notifyCancelledPurchase": Function(("meta",), required=1, success=False),
    "ODSAServiceFlow.profileReadyWithActivationCode": Function(
        ("activationCode",), required=1, success=True
    ),
    "ODSAServiceFlow.finishFlow": Function(("nextAction",), required=0, success=True),
    "ODSAServiceFlow.dismissFlow": Function((), required=0, success=False),
}


def examine(call: str, arguments: str) -> Report:
    """Check a call. `arguments` is the JSON list of the arguments."""
    function = FUNCTIONS.get(call)
    if function is None:
        problem = _("The app has no such function")
        return Report((), (Field("call", call, (problem,), is_inner=False),), {})
    head = Field("call", call, (), is_inner=False)
    try:
        given = json.loads(arguments)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, list):
        return Report((_("The arguments are not a JSON list"),), (head,), {})
    problems = []
    if len(given) > len(function.arguments):
        problems.append(_("More arguments than the function takes"))
    # An undefined argument arrives as null. Both mean that the argument is left out.
    values = {
        name: value
        for name, value in zip(function.arguments, given, strict=False)
        if value is not None
    }
    fields = (head, *fields_of(function, values))
    return Report(tuple(problems), fields, outcome_of(function, values))


def fields_of(function: Function, values: dict[str, Any]) -> Iterator[Field]:
    """List the arguments in their order, with the properties of `meta` below it."""
    for position, name in enumerate(function.arguments):
        if name not in values:
            problems = (_("Missing"),) if position < function.required else ()
            yield Field(name, None, problems, is_inner=False)
            continue
        value = values[name]
        problem = CHECKS[name](value)
        yield Field(name, shown(value), (problem,) if problem else (), is_inner=False)
        if name == "meta" and isinstance(value, dict):
            yield from meta_fields(value, is_success=function.success is True)


def meta_fields(meta: dict[str, Any], *, is_success: bool) -> Iterator[Field]:
    """List the properties of `meta`: those that the app knows, then those that it ignores."""
    for name, words in META_FIELDS.items():
        problems = list(word_problems(meta, name, words))
        status = meta.get(name)
        if words is STATUSES and status in STATUSES and (status == COMPLETE) is not is_success:
            problems.append(_("Does not match the function"))
        yield meta_field(meta, name, problems)
    yield meta_field(meta, PLAN_NAME, list(plan_problems(meta, is_success=is_success)))
    for name in sorted(meta.keys() - META_FIELDS.keys() - {PLAN_NAME}):
        yield meta_field(meta, name, [])


def meta_field(meta: dict[str, Any], name: str, problems: list[str]) -> Field:
    """Return one line of the report."""
    value = shown(meta[name]) if name in meta else None
    return Field(name, value, tuple(problems), is_inner=True)


def word_problems(meta: dict[str, Any], name: str, words: frozenset[str]) -> Iterator[str]:
    """Check one enumeration, and that both spellings have the same value."""
    value = meta.get(name)
    if name not in meta:
        yield _("Missing")
    elif not isinstance(value, str) or value not in words:
        yield _("Not one of: %s") % ", ".join(sorted(words))
    twin = TWINS.get(name)
    if twin in meta and name in meta and meta[twin] != value:
        yield _("Not the same as %s") % twin


def plan_problems(meta: dict[str, Any], *, is_success: bool) -> Iterator[str]:
    """Check that the plan's name is there after a purchase and empty otherwise."""
    name = meta.get(PLAN_NAME)
    if PLAN_NAME not in meta:
        yield _("Missing")
    elif not isinstance(name, str):
        yield _("Not a string")
    elif is_success and not name.strip():
        yield _("Empty although there is a plan")
    elif not is_success and name:
        yield _("Not empty although there is no plan")


def outcome_of(function: Function, values: dict[str, Any]) -> dict[str, Any]:
    """Return what the device needs, in the payload's words; empty if the visit continues."""
    if function.success is None:
        return {}
    meta = values.get("meta")
    return {
        "success": function.success,
        "iccid": text(values.get("iccid")),
        "activationCode": text(values.get("activationCode")),
        "planName": text(meta.get(PLAN_NAME)) if isinstance(meta, dict) else "",
    }


def text(value: object) -> str:
    """Return a string as it is, and an empty one for anything else."""
    return value if isinstance(value, str) else ""


def shown(value: object) -> str:
    """Return a value as the report shows it: a string without quotes, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def meta_problem(value: object) -> str:
    """Check that `meta` is an object. Its properties are checked one by one."""
    return "" if isinstance(value, dict) else _("Not an object")


def activation_code_problem(value: object) -> str:
    """Check the format of an activation code without `LPA:`."""
    if not isinstance(value, str) or not ACTIVATION_CODE.fullmatch(value):
        return _("Not an activation code")
    return "" if len(value) <= LONGEST_ACTIVATION_CODE else _("Too long")


def iccid_problem(value: object) -> str:
    """Check the format of an ICCID."""
    return "" if isinstance(value, str) and ICCID.fullmatch(value) else _("Not an ICCID")


def minutes_problem(value: object) -> str:
    """Check a number of minutes: a whole number from zero."""
    # In Python, true and false are ints too.
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return ""
    return _("Not a whole number of minutes")


def context_problem(value: object) -> str:
    """Check that the context is an object that an earlier call returned."""
    is_context = isinstance(value, dict) and bool(text(value.get("Id")))
    return "" if is_context else _("Not a context that the app returned")


def next_action_problem(value: object) -> str:
    """Check the web sheet's next action. Each carrier defines its own values."""
    return "" if isinstance(value, str) else _("Not a string")


CHECKS: dict[str, Callable[[object], str]] = {
    "meta": meta_problem,
    "activationCode": activation_code_problem,
    "iccid": iccid_problem,
    "minutes": minutes_problem,
    "context": context_problem,
    "nextAction": next_action_problem,
}
