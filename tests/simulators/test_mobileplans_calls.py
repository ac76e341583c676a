"""The check of calls to the functions of the newer apps."""

import json

import pytest

from simulators.mobileplans import calls
from simulators.mobileplans.payload import Report

CODE = "1$smdp.kestrel.example$K7Q2-9XMD"
ICCID = "8944110000000000008"
DOWNLOAD = "MobilePlansInlineOperations.notifyProfileDownload"
BALANCE = "MobilePlansInlineOperations.notifyBalanceAddition"
OPERATION_CANCEL = "MobilePlansInlineOperations.notifyOperationCancel"
LATE_DOWNLOAD = "MobilePlans.notifyPurchaseWithProfileDownload"
CANCELLED = "MobilePlans.notifyCancelledPurchase"
WEB_SHEET = "ODSAServiceFlow."


def make_meta(**changes: object) -> dict[str, object]:
    return {
        "userAccount": "New",
        "purchaseInstrument": "Existing",
        "line": "New",
        "lineType": "New",
        "moDirectStatus": "Complete",
        "modirectStatus": "Complete",
        "planName": "Traveller",
    } | changes


def make_left(**changes: object) -> dict[str, object]:
    line = {"line": "Bailed", "lineType": "Bailed"}
    status = {"moDirectStatus": "Cancelled", "modirectStatus": "Cancelled"}
    return make_meta(**line, **status, planName="") | changes


def examine(call: str, *arguments: object) -> Report:
    return calls.examine(call, json.dumps(arguments))


def faulty(report: Report) -> list[str]:
    return [field.name for field in report.fields if field.problems]


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        (DOWNLOAD, (make_meta(), CODE)),
        (DOWNLOAD, (make_meta(), CODE, None)),
        (DOWNLOAD, (make_meta(), CODE, 30)),
        (BALANCE, (make_meta(),)),
        (BALANCE, (make_meta(), ICCID)),
        (OPERATION_CANCEL, ({"Id": "op-1"},)),
        (LATE_DOWNLOAD, (make_meta(), CODE, 0)),
        (CANCELLED, (make_left(),)),
        (CANCELLED, (make_left(moDirectStatus="InvalidSIM", modirectStatus="InvalidSIM"),)),
        (WEB_SHEET + "profileReadyWithActivationCode", (CODE,)),
        (WEB_SHEET + "finishFlow", ()),
        (WEB_SHEET + "dismissFlow", ()),
    ],
)
def test_a_correct_call_is_valid_and_its_name_comes_first(
    call: str, arguments: tuple[object, ...]
) -> None:
    report = examine(call, *arguments)

    assert report.is_valid
    assert (report.fields[0].name, report.fields[0].value) == ("call", call)


@pytest.mark.parametrize(
    ("call", "arguments", "outcome"),
    [
        (DOWNLOAD, (make_meta(), CODE), (True, "", CODE, "Traveller")),
        (LATE_DOWNLOAD, (make_meta(), CODE, 15), (True, "", CODE, "Traveller")),
        (BALANCE, (make_meta(),), (True, "", "", "Traveller")),
        (BALANCE, (make_meta(), ICCID), (True, ICCID, "", "Traveller")),
        (CANCELLED, (make_left(),), (False, "", "", "")),
        (WEB_SHEET + "profileReadyWithActivationCode", (CODE,), (True, "", CODE, "")),
        (WEB_SHEET + "finishFlow", (), (True, "", "", "")),
        (WEB_SHEET + "dismissFlow", (), (False, "", "", "")),
    ],
)
def test_the_outcome_uses_the_words_of_the_documented_payload(
    call: str, arguments: tuple[object, ...], outcome: tuple[object, ...]
) -> None:
    names = ("success", "iccid", "activationCode", "planName")

    assert examine(call, *arguments).outcome == dict(zip(names, outcome, strict=True))


def test_a_cancelled_operation_has_no_outcome() -> None:
    assert examine(OPERATION_CANCEL, {"Id": "op-1"}).outcome == {}


def test_the_properties_of_meta_follow_meta() -> None:
    report = examine(DOWNLOAD, make_meta(), CODE)

    assert [field.name for field in report.fields if field.is_inner] == list(make_meta())
    assert [field.name for field in report.fields if not field.is_inner] == [
        "call",
        "meta",
        "activationCode",
        "minutes",
    ]


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"userAccount": "new"}, ["userAccount"]),
        ({"purchaseInstrument": 1}, ["purchaseInstrument"]),
        ({"purchaseInstrument": ["New"]}, ["purchaseInstrument"]),
        ({"line": "Existing"}, ["lineType"]),
        ({"line": "Cancelled", "lineType": "Cancelled"}, ["line", "lineType"]),
        ({"modirectStatus": "None"}, ["modirectStatus"]),
        (
            {"moDirectStatus": "Finished", "modirectStatus": "Finished"},
            ["moDirectStatus", "modirectStatus"],
        ),
        (
            {"moDirectStatus": "None", "modirectStatus": "None"},
            ["moDirectStatus", "modirectStatus"],
        ),
        ({"planName": ""}, ["planName"]),
        ({"planName": " "}, ["planName"]),
        ({"planName": 7}, ["planName"]),
    ],
)
@pytest.mark.parametrize(("call", "more"), [(DOWNLOAD, (CODE,)), (BALANCE, ())])
def test_a_wrong_property_of_meta_is_marked(
    call: str, more: tuple[object, ...], changes: dict[str, object], fields: list[str]
) -> None:
    assert faulty(examine(call, make_meta(**changes), *more)) == fields


@pytest.mark.parametrize("name", list(make_meta()))
def test_every_property_of_meta_is_required(name: str) -> None:
    meta = make_meta()
    del meta[name]

    assert faulty(examine(DOWNLOAD, meta, CODE)) == [name]


def test_an_unknown_property_is_shown_and_ignored() -> None:
    report = examine(DOWNLOAD, make_meta(orderNumber="K7Q2"), CODE)

    assert report.is_valid
    assert "orderNumber" in [field.name for field in report.fields]


def test_a_cancelled_purchase_has_no_plan_and_is_not_complete() -> None:
    assert faulty(examine(CANCELLED, make_left(planName="Traveller"))) == ["planName"]
    assert faulty(examine(CANCELLED, make_meta(planName=""))) == [
        "moDirectStatus",
        "modirectStatus",
    ]


@pytest.mark.parametrize(
    ("call", "arguments", "fields"),
    [
        (DOWNLOAD, (make_meta(),), ["activationCode"]),
        (DOWNLOAD, (make_meta(), "LPA:" + CODE), ["activationCode"]),
        (DOWNLOAD, (make_meta(), "1$h.example$" + "K" * 255), ["activationCode"]),
        (DOWNLOAD, (make_meta(), CODE, -1), ["minutes"]),
        (DOWNLOAD, (make_meta(), CODE, True), ["minutes"]),
        (DOWNLOAD, (make_meta(), CODE, 1.5), ["minutes"]),
        (DOWNLOAD, ("{}", CODE), ["meta"]),
        (LATE_DOWNLOAD, (make_meta(), CODE), ["minutes"]),
        (BALANCE, (None, ICCID), ["meta"]),
        (BALANCE, (make_meta(), ""), ["iccid"]),
        (BALANCE, (make_meta(), ICCID + "\n"), ["iccid"]),
        (OPERATION_CANCEL, ("op-1",), ["context"]),
        (OPERATION_CANCEL, ({},), ["context"]),
        (WEB_SHEET + "finishFlow", (7,), ["nextAction"]),
    ],
)
def test_a_wrong_argument_is_marked(
    call: str, arguments: tuple[object, ...], fields: list[str]
) -> None:
    assert faulty(examine(call, *arguments)) == fields


def test_too_many_arguments_are_a_problem_of_the_whole_call() -> None:
    report = examine(WEB_SHEET + "dismissFlow", 1)

    assert not report.is_valid
    assert len(report.problems) == 1


@pytest.mark.parametrize("arguments", ["", "{", "{}", "[" * 100_000])
def test_arguments_that_are_not_a_list_are_refused(arguments: str) -> None:
    report = calls.examine(DOWNLOAD, arguments)

    assert not report.is_valid
    assert report.outcome == {}


def test_an_unknown_function_is_refused() -> None:
    report = examine("MobilePlans.notifyPurchase", make_meta())

    assert faulty(report) == ["call"]
    assert report.outcome == {}
