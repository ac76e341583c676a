"""`payments.refusal_texts`: each reason that a gateway gives has a sentence in every language."""

import pytest
from django.conf import settings
from django.utils.translation import override

from payments.gateways.carrier_billing_answers import REFUSAL_KINDS
from payments.gateways.vouchers import KINDS
from payments.models import Payment, PaymentMethod
from payments.refusal_texts import why_refused
from payments.states import MethodKind, RefusalKind
from simulators.payment import cards
from simulators.payment.gateway import APPROVED, refusal

# What the simulator's bank can say, and with which kind of refusal.
OF_CARDS = sorted(
    ({*cards.BEHAVIOUR.values()} - {*APPROVED})
    | {*cards.REASON_WHEN_AWAY.values(), "authentication_failed"}
)
# The bank gives no reason that the customer may know.
WITHOUT_REASON = {"card_declined", "stolen_card"}


def refused(kind: MethodKind, reason: str, refusal_kind: RefusalKind) -> Payment:
    method = PaymentMethod(kind=kind)
    return Payment(method=method, decline_reason=reason, refusal_kind=refusal_kind)


def words(payment: Payment) -> list[str]:
    """Return the sentence in each language of the portal."""
    told = []
    for language, _name in settings.LANGUAGES:
        with override(language):
            told.append(why_refused(payment))
    return told


KNOWN = [
    *((MethodKind.CARD, one, RefusalKind(refusal(one)["kind"])) for one in OF_CARDS),
    *((MethodKind.VOUCHER, reason, kind) for reason, kind in KINDS.items()),
    *((MethodKind.BILL, reason.lower(), kind) for reason, kind in REFUSAL_KINDS.items()),
    (MethodKind.BILL, "number_not_proven", RefusalKind.CUSTOMER),
    (MethodKind.CARD, "method_stopped", RefusalKind.FINAL),
]


@pytest.mark.parametrize(("kind", "reason", "refusal_kind"), KNOWN)
def test_each_known_reason_has_a_sentence_in_every_language(
    kind: MethodKind, reason: str, refusal_kind: RefusalKind
) -> None:
    told = words(refused(kind, reason, refusal_kind))

    assert len({*told, ""}) == len(settings.LANGUAGES) + 1
    assert "charged" in told[0] or "taken" in told[0]


@pytest.mark.parametrize("reason", [one for one in OF_CARDS if one not in WITHOUT_REASON])
def test_a_reason_that_the_customer_may_know_is_told(reason: str) -> None:
    kind = RefusalKind(refusal(reason)["kind"])
    told, without = (refused(MethodKind.CARD, one, RefusalKind.LATER) for one in (reason, ""))

    assert why_refused(told) != why_refused(without), kind


@pytest.mark.parametrize("kind", list(MethodKind))
@pytest.mark.parametrize("refusal_kind", list(RefusalKind))
def test_an_unknown_reason_has_a_sentence_too(kind: MethodKind, refusal_kind: RefusalKind) -> None:
    told = words(refused(kind, "moon_phase", refusal_kind))

    assert len({*told, ""}) == len(settings.LANGUAGES) + 1


def test_a_stolen_card_is_not_called_stolen() -> None:
    told = why_refused(refused(MethodKind.CARD, "stolen_card", RefusalKind.FINAL))

    assert told.startswith("Your bank no longer accepts this card.")
