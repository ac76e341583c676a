"""The kit for gateway adapters: the simulator's adapter passes, and a broken one does not."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from moportal.money import Money
from payments.gateways.base import Ability, CardRefused, Gateway, GatewayRefused
from payments.gateways.disputes import DisputeStanding, FraudWarned
from payments.gateways.entries import Entry, EntryPage
from payments.gateways.simulator import SimulatorGateway
from payments.gateways.testkit import KitFailure, Treated, checks_for
from payments.gateways.testkit.bench import CHECKS, PRICE, new_key
from payments.gateways.values import Authorised, Card, Declined, Event, Standing, StoredCard
from payments.states import DisputeKind, EntryKind, Initiator, RefusalKind
from simulators.payment.server import SIGNATURE_HEADER, signed
from tests.payments.conftest import card, type_card

SECRET = "the gateway's and ours"
CARDS = {
    Treated.APPROVED: "4242424242424242",
    Treated.REFUSED_FOR_GOOD: "4000000000009979",
    Treated.REFUSED_FOR_NOW: "4000000000009995",
    Treated.REFUSED_WITHOUT_THE_CUSTOMER: "4000000000000127",
    Treated.BANK_STEP: "4000002760003184",
    Treated.BANK_STEP_OFF_SESSION: "4000002500003155",
}
CHECK_BY_NAME = {str(check): check for check in CHECKS}


class SimulatorBench:
    """The controls of the payment simulator."""

    def __init__(self, address: str, gateway: Gateway) -> None:
        self.gateway, self._address = gateway, address

    def token(self, treated: Treated, currency: str = PRICE.currency) -> str:
        return SimulatorGateway().tokenise(card(CARDS[treated]), key=new_key()).token

    def card(self) -> Card:
        return card()

    def type_card(self, url: str) -> None:
        type_card(url)

    def pay(self, url: str) -> None:
        raise NotImplementedError

    def decide(self, url: str, *, approves: bool) -> None:
        said = "approve" if approves else "refuse"
        httpx.post(url, data={"decision": said}, trust_env=False)

    def typed_code(self, gateway_id: str, *, is_right: bool) -> str:
        raise NotImplementedError

    def event(self, gateway_id: str) -> tuple[bytes, Mapping[str, str]]:
        shown = httpx.get(f"{self._address}/payments/{gateway_id}", trust_env=False).json()
        body = json.dumps({"id": f"evt_{gateway_id}", "payment": shown})
        return body.encode(), {SIGNATURE_HEADER: signed(body, SECRET, at=int(now().timestamp()))}

    def dispute(self, gateway_id: str, *, kind: DisputeKind, is_fraud: bool = False) -> str:
        reason = "fraudulent" if is_fraud else "product_not_received"
        return self._post(f"/payments/{gateway_id}/dispute", kind=kind, reason=reason)

    def end_dispute(self, dispute_id: str, *, is_won: bool) -> None:
        self._post(f"/disputes/{dispute_id}/end", status="won" if is_won else "lost")

    def warn_of_fraud(self, gateway_id: str) -> str:
        return self._post(f"/payments/{gateway_id}/fraud_warning")

    def _post(self, path: str, **body: str) -> str:
        answer = httpx.post(f"{self._address}{path}", json=body, trust_env=False)
        return str(answer.raise_for_status().json()["id"])

    def booked_day(self) -> date:
        return datetime.now(tz=UTC).date()


@pytest.fixture
def address(gateway: str, settings: Settings) -> str:
    settings.PAYMENT_WEBHOOK_SECRET = SECRET
    return gateway


@pytest.mark.parametrize("name", [str(one) for one in checks_for(SimulatorGateway.abilities)])
def test_the_adapter_of_the_simulator_keeps_the_protocol(address: str, name: str) -> None:
    CHECK_BY_NAME[name].run(SimulatorBench(address, SimulatorGateway()))


def test_only_what_is_declared_is_checked() -> None:
    always, all_checks = checks_for(frozenset()), checks_for(frozenset(Ability))

    assert {check.needs for check in always} == {None}
    assert all_checks == CHECKS
    assert len(checks_for({Ability.PUSH})) == len(always) + 2


class ForgetsKeys(SimulatorGateway):
    """Sends every request under a new key."""

    def _post(self, path: str, content: dict[str, Any], *, key: str, **more: Any) -> Any:
        return super()._post(path, content, key=new_key(), **more)


class RefusesNothing(SimulatorGateway):
    """Takes every refusal for success."""

    def capture(self, gateway_id: str, *, key: str) -> None:
        try:
            super().capture(gateway_id, key=key)
        except GatewayRefused:
            return


class CapturesWhenAsked(SimulatorGateway):
    """Charges a payment that is only asked about."""

    def fetch(self, gateway_id: str) -> Standing:
        standing = super().fetch(gateway_id)
        if isinstance(standing, Authorised):
            self.capture(gateway_id, key=new_key())
        return super().fetch(gateway_id)


class AnswersForTheUnknown(SimulatorGateway):
    """Says that a payment which nobody knows is authorised."""

    def fetch(self, gateway_id: str) -> Standing:
        return Authorised(gateway_id)


class CountsInWholeUnits(SimulatorGateway):
    """Takes every currency for one with two decimals."""

    def authorise(self, token: str, amount: Money, **more: Any) -> Standing:
        return super().authorise(token, Money(amount.minor_units // 100 * 100, "USD"), **more)


class AuthorisesForNoTime(SimulatorGateway):
    """Reports an end that has passed."""

    def authorise(self, *given: Any, **more: Any) -> Standing:
        return Authorised("pay_1", expires_at=now() - timedelta(seconds=1))


class BelievesAnybody(SimulatorGateway):
    """Checks no signature."""

    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> Event:
        return Event("1", json.loads(body)["payment"]["id"], "", "")


class BlamesTheExpiry(SimulatorGateway):
    """Names the wrong field of a card."""

    def tokenise(self, card: Card, *, key: str) -> StoredCard:
        try:
            return super().tokenise(card, key=key)
        except CardRefused as refused:
            raise CardRefused("expiry") from refused


class TakesAnyNumber(SimulatorGateway):
    """Accepts a number with a wrong digit."""

    def tokenise(self, card: Card, *, key: str) -> StoredCard:
        return StoredCard("tok_1", "Visa", card.number[-4:], card.expiry_month, card.expiry_year)


class AsksTheAbsentCustomer(SimulatorGateway):
    """Treats each payment as if the customer were there."""

    def authorise(self, token: str, amount: Money, **more: Any) -> Standing:
        return super().authorise(token, amount, **{**more, "initiator": Initiator.CUSTOMER})


class StopsForTheCustomer(SimulatorGateway):
    """Treats a bank that needs the customer like one that refuses for good."""

    def authorise(self, token: str, amount: Money, **more: Any) -> Standing:
        standing = super().authorise(token, amount, **more)
        if isinstance(standing, Declined):
            return replace(standing, kind=RefusalKind.FINAL)
        return standing


class ChargesAtOnceWhenAway(SimulatorGateway):
    """Charges an off-session payment without waiting for the capture."""

    def authorise(self, token: str, amount: Money, **more: Any) -> Standing:
        standing = super().authorise(token, amount, **more)
        if more["initiator"] == Initiator.OPERATOR and isinstance(standing, Authorised):
            self.capture(standing.gateway_id, key=new_key())
            return self.fetch(standing.gateway_id)
        return standing


class AdvisesAlways(SimulatorGateway):
    """Advises to try again, even after a refusal for good."""

    def authorise(self, token: str, amount: Money, **more: Any) -> Standing:
        standing = super().authorise(token, amount, **more)
        if isinstance(standing, Declined):
            return replace(standing, retry_after=timedelta(days=1))
        return standing


class FindsNothing(SimulatorGateway):
    """Never finds a payment."""

    def find(self, *, reference: str, key: str, since: datetime) -> Standing | None:
        return None


class FindsNoDispute(SimulatorGateway):
    """Never finds a dispute."""

    def fetch_dispute(self, dispute_id: str) -> DisputeStanding | None:
        return None


class TakesNothing(SimulatorGateway):
    """Says of each dispute that no money is taken."""

    def fetch_dispute(self, dispute_id: str) -> DisputeStanding | None:
        standing = super().fetch_dispute(dispute_id)
        return standing and replace(standing, taken=Money(0, "USD"))


class TakesForEver(SimulatorGateway):
    """Says of each dispute that its amount is taken."""

    def fetch_dispute(self, dispute_id: str) -> DisputeStanding | None:
        standing = super().fetch_dispute(dispute_id)
        return standing and replace(standing, taken=standing.amount)


class SuspectsNobody(SimulatorGateway):
    """Takes no dispute for fraud."""

    def fetch_dispute(self, dispute_id: str) -> DisputeStanding | None:
        standing = super().fetch_dispute(dispute_id)
        return standing and replace(standing, is_fraud=False)


class AnswersNothing(SimulatorGateway):
    """Sends no answer to a dispute."""

    def answer_dispute(self, dispute_id: str, evidence: Mapping[str, str], *, key: str) -> None:
        return

    def accept_dispute(self, dispute_id: str, *, key: str) -> None:
        return


class WarnsOfAnother(SimulatorGateway):
    """Names another payment in a fraud warning."""

    def fetch_fraud_warning(self, warning_id: str) -> FraudWarned | None:
        return FraudWarned(warning_id, "pay_1", "stolen_card")


class Lists(SimulatorGateway):
    """Lists the entries of a day in another way. A subclass says how."""

    def other(self, entry: Entry) -> Entry | None:
        raise NotImplementedError

    def fetch_entries(self, day: date, *, after: str) -> EntryPage:
        page = super().fetch_entries(day, after=after)
        listed = [self.other(entry) for entry in page.entries]
        return EntryPage(tuple(entry for entry in listed if entry is not None), page.after)


class ListsNoRefunds(Lists):
    """Leaves refunds out."""

    def other(self, entry: Entry) -> Entry | None:
        return None if entry.kind == EntryKind.REFUND else entry


class ListsWithoutSigns(Lists):
    """Lists every amount above zero."""

    def other(self, entry: Entry) -> Entry:
        amount = Money(abs(entry.amount.minor_units), entry.amount.currency)
        return replace(entry, amount=amount)


class NumbersEntriesAgain(Lists):
    """Gives an entry another id each time."""

    def other(self, entry: Entry) -> Entry:
        return replace(entry, entry_id=new_key())


class ListsEveryDay(SimulatorGateway):
    """Lists today, whatever day is asked for."""

    def fetch_entries(self, day: date, *, after: str) -> EntryPage:
        return super().fetch_entries(datetime.now(tz=UTC).date(), after=after)


class ListsWithoutEnd(SimulatorGateway):
    """Always has one more page."""

    def fetch_entries(self, day: date, *, after: str) -> EntryPage:
        return EntryPage((), "more")


class CapturesAtOnce(SimulatorGateway):
    """Charges with the authorisation, and does not say so."""

    def authorise(self, *given: Any, **more: Any) -> Standing:
        standing = super().authorise(*given, **more)
        if isinstance(standing, Authorised):
            self.capture(standing.gateway_id, key=new_key())
        return standing


@pytest.mark.parametrize(
    ("broken", "check"),
    [
        (ForgetsKeys, "a_repeated_authorisation_has_its_effect_once"),
        (ForgetsKeys, "a_key_is_not_taken_for_another_amount"),
        (RefusesNothing, "a_voided_authorisation_cannot_be_charged"),
        (CapturesWhenAsked, "fetch_changes_nothing"),
        (AnswersForTheUnknown, "an_unknown_payment_is_no_answer_and_cannot_be_charged"),
        (CountsInWholeUnits, "the_amount_is_exact_whatever_the_currencys_decimals"),
        (AuthorisesForNoTime, "an_authorisation_ends_in_the_future"),
        (BelievesAnybody, "a_forged_event_is_refused"),
        (BlamesTheExpiry, "a_wrong_digit_names_the_number"),
        (TakesAnyNumber, "a_wrong_digit_names_the_number"),
        (FindsNothing, "a_payment_is_found_by_reference_and_key"),
        (FindsNoDispute, "a_dispute_names_its_payment_and_takes_its_amount_at_once"),
        (TakesNothing, "a_dispute_names_its_payment_and_takes_its_amount_at_once"),
        (TakesNothing, "what_was_taken_is_gone_when_the_dispute_is_lost"),
        (TakesForEver, "an_inquiry_takes_nothing"),
        (TakesForEver, "what_was_taken_comes_back_when_the_dispute_is_won"),
        (SuspectsNobody, "fraud_is_told_from_other_reasons"),
        (AnswersNothing, "a_repeated_answer_answers_once"),
        (AnswersNothing, "an_accepted_dispute_is_lost"),
        (WarnsOfAnother, "a_fraud_warning_names_its_payment"),
        (WarnsOfAnother, "what_is_not_there_is_not_found"),
        (FindsNothing, "an_off_session_payment_is_authorised_once_and_charged_later"),
        (ForgetsKeys, "an_off_session_payment_is_authorised_once_and_charged_later"),
        (ChargesAtOnceWhenAway, "an_off_session_payment_is_authorised_once_and_charged_later"),
        (AsksTheAbsentCustomer, "off_session_nobody_is_asked_to_confirm"),
        (StopsForTheCustomer, "off_session_nobody_is_asked_to_confirm"),
        (StopsForTheCustomer, "each_off_session_refusal_has_its_kind"),
        (AdvisesAlways, "each_refusal_has_its_kind_and_its_reason"),
        (ListsNoRefunds, "a_charge_and_its_refund_are_booked_with_their_signs"),
        (ListsWithoutSigns, "a_charge_and_its_refund_are_booked_with_their_signs"),
        (NumbersEntriesAgain, "entries_are_the_same_when_they_are_read_again"),
        (ListsWithoutEnd, "entries_are_the_same_when_they_are_read_again"),
        (ListsEveryDay, "an_entry_belongs_to_one_day"),
        (CapturesAtOnce, "what_is_only_authorised_is_not_booked"),
    ],
)
def test_a_broken_adapter_fails(address: str, broken: Callable[[], Gateway], check: str) -> None:
    # The gateway itself may notice first, and refuse what comes out of the adapter's fault.
    with pytest.raises((KitFailure, GatewayRefused)):
        CHECK_BY_NAME[check].run(SimulatorBench(address, broken()))


def test_every_check_has_a_name_of_its_own() -> None:
    assert len(CHECK_BY_NAME) == len(CHECKS)
