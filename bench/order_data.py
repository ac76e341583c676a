"""The data that orders need: customers, cards, complete drafts, and free ICCIDs."""

from itertools import count

from accounts.models import User
from esim.models import Sim, SmdpProvider
from mobileplans.models import Visit
from moportal.identifiers import Iccid
from orders.models import Draft
from payments.domain.payments import add_card
from payments.gateways.values import Card
from plans.queries import Offer, offers

PREFIX, MARKET, LANGUAGE = "8944222", "US", "en"
CARD = Card("4242424242424242", expiry_month=12, expiry_year=2049, csc="123", holder="Robin Ade")
_serial = count(1)


def create_drafts(number: int) -> list[Draft]:
    """Create `number` new customers, each with a draft for a new eSIM that can be submitted.

    Cards are exchanged for tokens at the simulator. The
    rest is one INSERT for each table.
    """
    serials = [next(_serial) for _ in range(number)]
    accounts = User.objects.bulk_create(
        User(username=f"buyer{n}@bench.example", password="!", name="Robin Ade")  # noqa: S106 -- none
        for n in serials
    )
    visits = Visit.objects.bulk_create(
        _visit(n, account) for n, account in zip(serials, accounts, strict=True)
    )
    offer = offers(market=MARKET, location=MARKET, language=LANGUAGE)[0]
    drafts = Draft.objects.bulk_create(_draft(visit, offer) for visit in visits)
    # Load the drafts again without related objects, like the view that submits them.
    return list(Draft.objects.filter(pk__in=[draft.pk for draft in drafts]))


def _visit(serial: int, account: User) -> Visit:
    return Visit(
        transaction_id=f"MSFT_{serial}",
        eid=f"89049032{serial:024d}",
        eid_from=Visit.EidFrom.LAUNCH,
        market=MARKET,
        location=MARKET,
        account=account,
    )


def _draft(visit: Visit, offer: Offer) -> Draft:
    assert visit.account is not None  # noqa: S101 -- `_visit` has set it
    taxed = offer.price.taxed
    return Draft(
        account=visit.account,
        visit=visit,
        plan=offer.plan,
        plan_name=offer.name,
        gross_minor_units=taxed.gross.minor_units,
        tax_minor_units=taxed.tax.minor_units,
        tax_rate=offer.price.tax_rate,
        currency=taxed.gross.currency,
        method=add_card(visit.account, CARD),
        wants_new_esim=True,
    )


def create_sims(number: int) -> list[Sim]:
    """Add `number` ICCIDs to the pool."""
    provider = SmdpProvider.objects.get()
    return Sim.objects.bulk_create(
        Sim(
            iccid=Iccid.numbered(PREFIX, next(_serial)),
            kind=Sim.Kind.PROFILE,
            profile_type="consumer",
            provider=provider,
        )
        for _ in range(number)
    )
