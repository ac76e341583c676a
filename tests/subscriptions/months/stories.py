"""Stories for Hypothesis: when a plan is sold, where it is billed, and what happens to it."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from tests.subscriptions.months.bank import BankCard, Refusal
from tests.subscriptions.months.story import GB, Act, Event, Offer, Story

MONTHS = 24
ZONES = (
    *("UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Asia/Tokyo"),
    *("Australia/Sydney", "Pacific/Kiritimati", "Africa/Casablanca", "Asia/Dubai"),
)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# Customers act on the half hour and outages begin on the hour, so that minutes do not matter.
hours = st.integers(0, MONTHS * 30 * 24)
acts = st.sampled_from(
    [
        *Act,
        *(Act.NEW_CARD, Act.NEW_CARD, Act.UNDO, Act.CHANGE, Act.CHANGE, Act.CHANGE, Act.USE),
        *(Act.CHOOSE, Act.CHOOSE, Act.UNDO_CHOICE, Act.DISPUTE, Act.WIN_DISPUTE),
    ]
)
# Bytes that are used, seconds that are lost, and minor units that are refunded at most.
AMOUNTS = {
    Act.USE: [1, 3 * 10**8, 2 * GB, 6 * GB],
    Act.LOSE_TIME: [1, 7 * 3600, 60 * 3600],
    Act.REFUND: [1, 700, 10**9],
}
refusals = st.sampled_from([*Refusal, Refusal.FOR_NOW, Refusal.FOR_NOW])


@st.composite
def times_of_sale(draw: st.DrawFn, zone: str) -> datetime:
    """Return when the plan was sold: often at the end of a month, also near a change of time."""
    day = draw(st.sampled_from([1, 15, 25, 28, 29, 30, 31]))
    month = draw(st.sampled_from([month for month in range(1, 13) if day < 29 or month != 2]))
    day = min(day, 30) if month in (4, 6, 9, 11) else day
    hour = draw(st.integers(0, 23))
    return datetime(2024, month, day, hour, tzinfo=ZoneInfo(zone)).astimezone(UTC)


@st.composite
def bank_cards(draw: st.DrawFn, token: str, sold_at: datetime) -> BankCard:
    """Return a card that is good, or that its bank refuses for some days."""
    starts = draw(st.lists(st.integers(20, MONTHS * 30), max_size=3))
    lengths = [draw(st.sampled_from([2, 5, 12, 40])) for _start in starts]
    bad = [
        (sold_at + start * DAY, sold_at + (start + length) * DAY)
        for start, length in zip(starts, lengths, strict=True)
    ]
    return BankCard(token, draw(refusals), tuple(bad))


@st.composite
def events_at(draw: st.DrawFn, at: datetime, token: str, sold_at: datetime, price: int) -> Event:
    """Return something that happens then. A new card has this token."""
    act = draw(acts)
    pays = act in (Act.NEW_CARD, Act.CHANGE, Act.CHOOSE, Act.ATTACH)
    return Event(
        at,
        act,
        card=draw(bank_cards(token, sold_at)) if pays else None,
        offer=draw(offers(act, price)) if act in (Act.CHANGE, Act.CHOOSE) else None,
        amount=draw(st.sampled_from(AMOUNTS[act])) if act in AMOUNTS else 0,
    )


def offers(act: Act, price: int) -> st.SearchStrategy[Offer]:
    """Return plans that cost more than this price, by little or by much, or not more."""
    prices = [price, price + 1, price + 1500, price * 3 + 1]
    if act == Act.CHOOSE:
        prices = [price, price + 1, max(price // 2, 1), 1]
    return st.builds(Offer, st.sampled_from(prices), st.sampled_from([20 * GB, 10**6, None]))


@st.composite
def stories(draw: st.DrawFn, *, outages: tuple[int, ...] = (2, 5, 12)) -> Story:
    zone = draw(st.sampled_from(ZONES))
    sold_at = draw(times_of_sale(zone))
    whole_hour = sold_at.replace(minute=0)
    moments = sorted(set(draw(st.lists(hours, max_size=8))))
    events = []
    price = draw(st.sampled_from([2500, 2500, 1, 999_999, 0]))
    for number, moment in enumerate(moments):
        at = whole_hour + moment * HOUR + HOUR / 2
        events.append(draw(events_at(at, f"T{number}", sold_at, price)))
    away = [
        (whole_hour + start * HOUR, whole_hour + (start + draw(st.sampled_from(outages))) * HOUR)
        for start in sorted(draw(st.lists(hours, max_size=2)))
    ]
    card = draw(bank_cards("T", sold_at))
    return Story(zone, sold_at, price, card, tuple(events), tuple(away))
