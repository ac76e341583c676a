"""`outbox.calls`: the row is there before the call, and keeps its outcome."""

from collections.abc import Callable

import pytest
from django.db import transaction

from moportal.http_client import ServiceUnavailable
from outbox.calls import record_call
from payments.models import GatewayCall

pytestmark = pytest.mark.django_db(transaction=True)
Outcome = GatewayCall.Outcome


class Refusal(Exception):
    """The other side refused for good."""


def new_row() -> GatewayCall:
    return GatewayCall(operation="capture", key="key")


def raising(error: Exception) -> Callable[[], None]:
    def send() -> None:
        raise error

    return send


def test_the_row_is_committed_before_the_lease_is_renewed_and_the_call_is_made() -> None:
    seen = []

    def note() -> None:
        assert not transaction.get_connection().in_atomic_block
        seen.append(GatewayCall.objects.get().outcome)

    record_call(new_row(), note, before_call=note)

    assert seen == [Outcome.UNANSWERED, Outcome.UNANSWERED]


def test_an_answer_is_returned_and_recorded_with_its_time() -> None:
    assert record_call(new_row(), lambda: "answer") == "answer"

    row = GatewayCall.objects.get()
    assert (row.outcome, row.detail) == (Outcome.ANSWERED, "")
    assert row.answered_at is not None
    assert row.answered_at >= row.sent_at


def test_an_answer_may_set_columns_of_its_own() -> None:
    record_call(
        new_row(),
        lambda: "declined",
        describe=lambda answer: {"outcome": Outcome.REFUSED, "detail": answer},
    )

    row = GatewayCall.objects.get()
    assert (row.outcome, row.detail) == (Outcome.REFUSED, "declined")


def test_a_call_whose_lease_is_lost_is_never_made() -> None:
    made = []

    with pytest.raises(Refusal):
        record_call(new_row(), lambda: made.append(1), before_call=raising(Refusal("lost")))

    assert made == []
    assert GatewayCall.objects.get().outcome == Outcome.NOT_SENT


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Refusal("no"), Outcome.REFUSED),
        (ServiceUnavailable("no", was_sent=True), Outcome.UNKNOWN),
        (ServiceUnavailable("no", was_sent=False), Outcome.NOT_SENT),
    ],
)
def test_what_a_call_raises_is_recorded_and_raised(error: Exception, outcome: str) -> None:
    with pytest.raises(type(error)):
        record_call(new_row(), raising(error), refusals=(Refusal,))

    row = GatewayCall.objects.get()
    assert (row.outcome, row.detail) == (outcome, "no")


def test_after_any_other_error_the_effect_is_unknown() -> None:
    with pytest.raises(ZeroDivisionError):
        record_call(new_row(), raising(ZeroDivisionError()), refusals=(Refusal,))

    assert GatewayCall.objects.get().outcome == Outcome.UNANSWERED
