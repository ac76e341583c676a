"""A customer at a glance: addresses, plans with what is left, orders, and payment methods."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import attrgetter

from django.utils.timezone import now

from accounts.models import Address, User
from esim.models import Sim
from orders.actions import orders_to_act_on
from orders.models import Order
from payments.models import PaymentMethod
from subscriptions.balances import in_order_of_use
from subscriptions.models import Bucket, SimOnLine, Subscription
from subscriptions.usable_buckets import running_buckets

# Of each, the newest so many.
MOST = 10


@dataclass(frozen=True)
class PlanAtAGlance:
    """A plan with its SIMs, and the data of its current period in the order of use."""

    plan: Subscription
    sims: list[Sim]
    buckets: list[Bucket] = field(default_factory=list)


@dataclass(frozen=True)
class Overview:
    """What the page of a customer shows at its top."""

    addresses: list[Address]
    plans: list[PlanAtAGlance]
    orders: list[Order]
    methods: list[PaymentMethod]


def overview_of(account: User) -> Overview:
    """Return the customer at a glance. It asks five questions, however much there is."""
    orders = orders_to_act_on(account.pk).order_by("-pk")
    methods = PaymentMethod.objects.filter(account=account, removed_at=None, is_kept=True)
    return Overview(
        addresses=sorted(account.addresses.all(), key=attrgetter("pk")),
        plans=list(_plans(account)),
        orders=list(orders[:MOST]),
        methods=list(methods.order_by("-pk")[:MOST]),
    )


def _plans(account: User) -> Iterator[PlanAtAGlance]:
    found = Subscription.objects.filter(line__account=account).select_related("line")
    plans = list(found.order_by("ended_at", "-pk")[:MOST])
    sims = list(SimOnLine.objects.filter(line__account=account, until=None).select_related("sim"))
    buckets = in_order_of_use(running_buckets(now()).filter(period__subscription__in=plans))
    for plan in plans:
        yield PlanAtAGlance(
            plan,
            [stay.sim for stay in sims if stay.line_id == plan.line_id],
            [bucket for bucket in buckets if bucket.period.subscription_id == plan.pk],
        )
