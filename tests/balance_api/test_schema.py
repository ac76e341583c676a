"""Get Balance against its OpenAPI document: every answer is one that the document describes.

Three hundred requests in `make test`, two thousand more in `make test-long`, and twenty thousand in
`make sweep`.
"""

from collections import Counter
from typing import Any

import pytest
import schemathesis
import yaml
from django.core.wsgi import get_wsgi_application
from django.test import override_settings
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts.models import User
from balance_api.models import AnsweredTransaction, CallerRate
from tests import tables
from tests.balance_api.test_views import give
from tests.builders import make_card
from tests.speeds import IS_SWEEP, long

# The long form is walked in four parts, side by side.
CASES = 5000 if IS_SWEEP else 500
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# Random text would never be a known SIM, a country, or a repeated transaction id.
SIMS = ["{}", "{}F", "iccid: {}", "ICCID:{}"]
PLACES = [None, "US", "ca", "UK", "DE", "", "XX"]
IDS = [None] * 9 + ["T1", "T2", "T3"]
# The caller is admitted, over its limit, without a certificate, or
# bypasses the proxy with one.
STANDINGS = ["let in"] * 12 + ["too fast", "unknown", "past the proxy"]


def _get_balance() -> Any:
    """Return the operation of the OpenAPI document, called in this process."""
    schema = schemathesis.openapi.from_dict(yaml.safe_load(tables.OPENAPI.read_text()))
    schema.app = get_wsgi_application()
    return schema["/v1/sims/{sim}/balances"]["GET"]


@pytest.mark.timeout(1800)
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("cases", "part"), [(300, 0), *(long(CASES, part) for part in range(1, 5))]
)
def test_every_answer_conforms_to_the_document(alice: User, cases: int, part: int) -> None:
    operation = _get_balance()
    numbers = [_traveller(alice), make_card().iccid, make_card(is_in_programme=False).iccid]
    known = st.builds(str.format, st.sampled_from(SIMS), st.sampled_from(numbers))
    modes = schemathesis.GenerationMode
    answered: Counter[int] = Counter()

    @settings(max_examples=cases, suppress_health_check=list(HealthCheck))
    @given(
        case=operation.as_strategy(modes.POSITIVE) | operation.as_strategy(modes.NEGATIVE),
        sim=st.none() | known | known,
        place=st.sampled_from(PLACES),
        transaction=st.sampled_from(IDS),
        standing=st.sampled_from(STANDINGS),
    )
    def ask(
        case: Any, sim: str | None, place: str | None, transaction: str | None, standing: str
    ) -> None:
        if sim is not None:
            case.path_parameters["sim"] = sim
        if place is not None:
            case.query = {**(case.query or {}), "location": place}
        if transaction is not None:
            case.headers["X-MS-DM-TransactionId"] = transaction
        if standing == "past the proxy":
            case.headers["X-Client-Certificate"] = "forged"
        with override_settings(
            BALANCE_RATE=0.001 if standing == "too fast" else 0,
            API_WITHOUT_CERTIFICATE=standing in {"let in", "too fast"},
        ):
            answer = case.call()
        answered[answer.status_code] += 1
        case.validate_response(answer, checks=CHECKS)

    # These few random cases could leave out a status, so they are the same in each run.
    (seed(part)(ask) if part == 0 else ask)()
    print(f"{sum(answered.values())} cases: {dict(sorted(answered.items()))}")  # noqa: T201 -- with -s
    assert {200, 400, 401, 403, 404, 409, 429} <= set(answered)
    assert CallerRate.objects.exists()
    assert AnsweredTransaction.objects.exists()


def _traveller(account: User) -> str:
    card = make_card()
    give(account, card, code="traveller")
    return card.iccid
