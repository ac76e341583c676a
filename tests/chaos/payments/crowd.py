"""Customers and staff: they place orders, confirm at the bank, cancel, and give money back.

All rows that an order needs are created in bulk. The order itself, its cancel, its refunds and its
return go through the portal's domain.
"""

import contextlib
import random
import secrets
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
from django.db import connection
from django.utils.timezone import now

from accounts.domain.proofs import HOLDERS
from accounts.models import Proof, User
from esim.models import Sim
from mobileplans.models import Visit
from moportal.identifiers import Iccid
from moportal.money import Money
from orders.domain import by_staff, moving, placing, returning
from orders.domain.drafts import StaleForm
from orders.models import Draft, Order
from orders.queries.orders import not_undone
from orders.states import OrderState
from payments.domain import codes, refunds
from payments.gateways.base import NotOffered
from payments.models import Payment, PaymentMethod
from payments.states import MethodKind, PaymentState, RefundKind
from tests.builders import make_operator, make_plan, payment_of
from tests.chaos.payments.network import REFUSED_PREFIX
from tests.chaos.payments.outcomes import Outcomes, Treated
from tests.chaos.payments.stories import Circumstances

THREADS = 4
ACCEPTED_PREFIX = "8944121"
# Why no refund begins.
REFUSED = (
    *(refunds.NothingToRefund, refunds.RefundUnderWay, refunds.DisputeOpen),
    NotOffered,
)
STEPS = {Treated.STEP_APPROVED: True, Treated.PAGE_PAID: True, Treated.STEP_REFUSED: False}
# The share of the customers who wait a while before they confirm or ask for money back.
WAITS = 0.6


@dataclass
class Story:
    """One order and what is still to be done about it."""

    is_about: Circumstances
    draft: int
    order: int = 0
    has_decided: bool = False
    has_refunded: bool = False


class Crowd:
    """All customers of a run, and the member of staff who serves them."""

    def __init__(self, gateway: Outcomes, seed: int) -> None:
        self._gateway = gateway
        self._rng = random.Random(seed)  # noqa: S311 -- a seed makes a run repeatable
        self.open = list[Story]()
        self.counts = Counter[str]()
        self.wrong = list[str]()
        make_operator()
        self._plan = make_plan()
        self._clara = User.objects.create_superuser("clara@example.com", None, name="Clara")
        self._serial = 0

    def come(self, wanted: list[Circumstances]) -> list[Story]:
        """Create a customer for each of these, with a draft that can be submitted."""
        with ThreadPoolExecutor(THREADS) as threads:
            methods = list(
                threads.map(
                    lambda one: self._gateway.add_method(one.treated, one.amount, one.currency),
                    wanted,
                )
            )
        accounts = User.objects.bulk_create(
            User(username=f"{secrets.token_hex(8)}@example.com", name="Noor") for _ in wanted
        )
        iccids = [self._make_iccid(one) for one in wanted]
        Sim.objects.bulk_create(
            Sim(iccid=iccid, kind=Sim.Kind.PHYSICAL, is_in_programme=True) for iccid in iccids
        )
        visits = Visit.objects.bulk_create(
            Visit(transaction_id=secrets.token_hex(8), iccid=iccid, market="US", location="US")
            for iccid in iccids
        )
        stored = PaymentMethod.objects.bulk_create(
            PaymentMethod(account=account, gateway=self._gateway.name, **vars(method))
            for account, method in zip(accounts, methods, strict=True)
        )
        Proof.objects.bulk_create(
            Proof(account=row.account, kind=min(HOLDERS), subject=row.token, made_at=now())
            for row in stored
            if row.kind == MethodKind.BILL
        )
        drafts = Draft.objects.bulk_create(
            Draft(
                account=account,
                visit=visit,
                plan=self._plan,
                plan_name="Traveller",
                gross_minor_units=one.amount,
                tax_minor_units=0,
                currency=one.currency,
                method=method,
            )
            for one, account, visit, method in zip(wanted, accounts, visits, stored, strict=True)
        )
        return [Story(one, draft.pk) for one, draft in zip(wanted, drafts, strict=True)]

    def _make_iccid(self, about: Circumstances) -> Iccid:
        self._serial += 1
        is_refused = about.ending == "refused by the network"
        return Iccid.numbered(REFUSED_PREFIX if is_refused else ACCEPTED_PREFIX, self._serial)

    def submit(self, stories: list[Story]) -> None:
        """Let all customers submit, several times at once where the story says so."""
        forms = [(story, number) for story in stories for number in range(story.is_about.submits)]
        with ThreadPoolExecutor(THREADS) as threads:
            list(threads.map(lambda form: self._submit(*form), forms))
        self.open += [story for story in stories if story.order]

    def _submit(self, story: Story, number: int) -> None:
        try:
            draft = Draft.objects.get(pk=story.draft)
            order = placing.place(draft, version=draft.version)
            if story.order not in {0, order.pk}:
                self.wrong.append(f"draft {draft.pk} became two orders")
            story.order = order.pk
            if story.is_about.ending == "cancelled" and not number:
                with contextlib.suppress(placing.TooLateToCancel):
                    placing.request_cancel(order, actor=order.account)
        except StaleForm:
            # The gateway does not take the amount, or was switched off for new payments.
            self.counts["orders not accepted"] += 1
        finally:
            connection.close()

    def act(self, *, all_of_it: bool = False) -> None:
        """Let some customers confirm and some staff give back. With `all_of_it`, everybody acts."""
        orders = Order.objects.select_related("payment").in_bulk(
            [story.order for story in self.open]
        )
        for story in self.open:
            order = orders[story.order]
            if all_of_it or self._rng.random() > WAITS:
                self._confirm(story, payment_of(order))
                self._give_back(story, order)
        ended = {OrderState.FAILED, OrderState.CANCELLED}
        self.open = [
            story
            for story in self.open
            if not story.has_refunded and orders[story.order].state not in ended
        ]

    def _confirm(self, story: Story, payment: Payment) -> None:
        """Confirm or refuse at the bank, without a return to the portal every second time."""
        approves = STEPS.get(story.is_about.treated)
        is_waiting = payment.state == PaymentState.PENDING and payment.customer_step_url
        if approves is None or story.has_decided or not (is_waiting or payment.waits_for_code):
            return
        try:
            if payment.waits_for_code:
                sent = self._gateway.code(payment.gateway_id)
                codes.submit(payment, sent if approves else f"{(int(sent) + 1) % 10**6:06}")
            else:
                self._gateway.decide(payment.customer_step_url, approves=approves)
        except httpx.TransportError:
            # The gateway is away. The customer comes back later.
            return
        story.has_decided = True
        self.counts["decided at the bank"] += 1

    def _give_back(self, story: Story, order: Order) -> None:
        if order.state != OrderState.COMPLETED:
            return
        story.has_refunded = True
        payment, wanted = payment_of(order), story.is_about.refund
        part = payment.minor_units // 30 * 10 or 1
        asked = {
            "a part": [(part, RefundKind.GOODWILL)],
            "a part while disputed": [(part, RefundKind.GOODWILL)],
            "two parts at once": [(part, RefundKind.GOODWILL), (part, RefundKind.SHORTENED)],
            "all": [(payment.minor_units, RefundKind.ENDED)],
            "too much": [(payment.minor_units + 1, RefundKind.GOODWILL)],
        }
        # A bank takes no charge twice.
        may_dispute = self._gateway.has_disputes and story.is_about.treated != Treated.DISPUTED
        is_disputed = wanted == "a part while disputed" and may_dispute
        # A part of one minor unit is the whole amount, so nothing is left to dispute.
        if is_disputed and part < payment.minor_units:
            with ThreadPoolExecutor(1) as bank:
                bank.submit(self._gateway.dispute, payment.gateway_id)
                self.counts["refund and dispute at once"] += 1
                self._ask_for_refund(payment, Money(part, payment.currency), RefundKind.SHORTENED)
        for amount, kind in asked.get(wanted, []):
            self._ask_for_refund(payment, Money(amount, payment.currency), kind)
        if wanted == "the order":
            with contextlib.suppress(returning.NothingToReturn, returning.ChargeDisputed):
                returning.request_return(order, actor=self._clara, because="withdrawn")

    def _ask_for_refund(self, payment: Payment, amount: Money, kind: RefundKind) -> None:
        try:
            refunds.request_refund(payment, amount, kind=kind, reason="asked", actor=self._clara)
            if amount.minor_units > payment.minor_units:
                self.wrong.append(f"{payment.reference}: more than the charge was to be refunded")
            self.counts["refunds asked"] += 1
        except REFUSED:
            self.counts["refunds refused"] += 1

    def serve(self) -> None:
        """Let staff continue what waits for them."""
        waiting = Order.objects.filter(not_undone(), undone_at=None)
        for order in [*waiting, *Order.objects.filter(state=OrderState.HELD)]:
            with contextlib.suppress(moving.IllegalTransition):
                by_staff.resume(order, actor=self._clara)
                self.counts["continued by staff"] += 1

    def unfinished(self) -> int:
        """Return how many orders have not ended, or are not undone."""
        ended = [OrderState.COMPLETED, OrderState.FAILED, OrderState.CANCELLED]
        running = Order.objects.exclude(state__in=ended).count()
        undone = {OrderState.FAILED, OrderState.CANCELLED}
        return running + Order.objects.filter(state__in=undone, undone_at=None).count()
