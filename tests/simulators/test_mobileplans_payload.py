"""The check of the string that is passed to `DataMart.notifyPurchaseResult`."""

import json

import pytest

from simulators.mobileplans import payload

SENT = "MSFT_q8/Kz+41"
BOUGHT = {
    "userAccount": "New",
    "purchaseInstrument": "Existing",
    "line": "New",
    "moDirectStatus": "Complete",
    "planName": "Traveller",
}
LEFT = {
    "userAccount": "Existing",
    "purchaseInstrument": "Bailed",
    "line": "None",
    "moDirectStatus": "None",
    "planName": "",
}


def make_outer(**changes: object) -> dict[str, object]:
    return {
        "ver": "1",
        "success": True,
        "transactionId": SENT,
        "iccid": "8944110000000000008",
        "activationCode": "1$smdp.kestrel.example$K7Q2-9XMD",
        "purchaseResult": json.dumps(BOUGHT),
    } | changes


def make_left(**changes: object) -> dict[str, object]:
    nothing = {"success": False, "iccid": "", "activationCode": ""}
    return make_outer(**nothing, purchaseResult=json.dumps(LEFT)) | changes


def examine(document: object, *, sent: str = SENT) -> payload.Report:
    return payload.examine(json.dumps(document), kind="string", transaction_id=sent)


def faulty(report: payload.Report) -> list[str]:
    return [field.name for field in report.fields if field.problems]


def test_a_bought_profile_is_valid_and_its_outcome_joins_both_parts() -> None:
    report = examine(make_outer())

    assert report.is_valid
    assert report.outcome["iccid"] == "8944110000000000008"
    assert report.outcome["planName"] == "Traveller"


def test_the_fields_follow_the_schema_and_the_inner_ones_come_last() -> None:
    report = examine(make_outer())

    assert [field.name for field in report.fields] == [*make_outer(), *BOUGHT]
    assert [field.name for field in report.fields if field.is_inner] == [*BOUGHT]
    assert all(field.meaning for field in report.fields)


def test_a_plan_for_a_present_sim_has_no_activation_code() -> None:
    document = make_outer()
    del document["activationCode"]

    report = examine(document)

    assert report.is_valid
    assert {field.name: field.value for field in report.fields}["activationCode"] is None


def test_an_abandoned_visit_is_valid_with_empty_identifiers() -> None:
    assert examine(make_left()).is_valid


def test_an_abandoned_visit_must_not_have_identifiers() -> None:
    report = examine(make_left(iccid="8944110000000000008", activationCode="1$h$K"))

    assert faulty(report) == ["iccid", "activationCode"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ver", 1),
        ("success", "true"),
        ("transactionId", ""),
        ("iccid", "89"),
        ("iccid", "8944110000000000008\n"),
        ("activationCode", ""),
        ("activationCode", "LPA:1$smdp.kestrel.example$K7Q2"),
        ("activationCode", "1$smdp.kestrel.example$K7Q2$$1"),
        ("purchaseResult", BOUGHT),
        ("purchaseResult", "[]"),
        ("purchaseResult", "{"),
    ],
)
def test_a_wrong_value_is_marked(name: str, value: object) -> None:
    assert name in faulty(examine(make_outer(**{name: value})))


@pytest.mark.parametrize("name", ["ver", "success", "transactionId", "iccid", "purchaseResult"])
def test_a_missing_field_is_marked(name: str) -> None:
    document = make_outer()
    del document[name]

    assert name in faulty(examine(document))


@pytest.mark.parametrize("name", list(BOUGHT))
def test_a_missing_inner_field_is_marked(name: str) -> None:
    inner = {key: value for key, value in BOUGHT.items() if key != name}

    assert name in faulty(examine(make_outer(purchaseResult=json.dumps(inner))))


def test_an_empty_inner_object_misses_all_five_fields() -> None:
    assert faulty(examine(make_outer(purchaseResult="{}"))) == [*BOUGHT]


@pytest.mark.parametrize(
    ("name", "value"),
    [("userAccount", "Bailed"), ("purchaseInstrument", "new"), ("line", "None"), ("planName", "")],
)
def test_an_inner_value_that_contradicts_complete_is_marked(name: str, value: str) -> None:
    inner = BOUGHT | {name: value}

    assert faulty(examine(make_outer(purchaseResult=json.dumps(inner)))) == [name]


def test_an_unknown_field_is_marked_before_the_inner_ones() -> None:
    report = examine(make_outer(Iccid="8944110000000000008"))

    assert faulty(report) == ["Iccid"]
    assert [field.name for field in report.fields][5:7] == ["Iccid", "purchaseResult"]


def test_a_transaction_id_that_differs_from_the_launch_is_marked() -> None:
    assert faulty(examine(make_outer(), sent="MSFT_q8/Kz 41")) == ["transactionId"]


def test_any_transaction_id_is_correct_if_the_launch_had_none() -> None:
    assert examine(make_outer(transactionId="made-by-the-portal"), sent="").is_valid


def test_success_without_complete_is_marked() -> None:
    assert faulty(examine(make_outer(purchaseResult=json.dumps(LEFT)))) == ["success"]


def test_an_object_instead_of_a_string_is_a_problem_of_the_whole_payload() -> None:
    report = payload.examine(json.dumps(make_outer()), kind="object", transaction_id=SENT)

    assert not report.is_valid
    assert faulty(report) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "undefined",
        "[]",
        '"{}"',
        '{"ver": NaN}',
        '{"ver": "1", "ver": "1"}',
        "[" * 100_000,
    ],
)
def test_a_text_that_is_not_one_json_object_has_no_fields(text: str) -> None:
    report = payload.examine(text, kind="string", transaction_id=SENT)

    assert len(report.problems) == 1
    assert report.fields == ()
    assert not report.is_valid
