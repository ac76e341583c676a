"""Reads of the operator's data and legal texts."""

from functools import cache

import structlog
from django.conf import settings
from django.db import DatabaseError
from django.db.models import Exists, QuerySet
from django.utils.timezone import now
from django.utils.translation import gettext, gettext_noop, ngettext, override

from brand.models import (
    SVG,
    LegalText,
    Logo,
    MarketRules,
    Notice,
    Operator,
    Repayment,
    running_at,
    words_in,
)

log = structlog.get_logger(__name__)
# Customers of these markets may withdraw within 14 days: of the EU and the EEA by Directive
# 2011/83/EU, article 9; of the United Kingdom by its Consumer Contracts Regulations 2013.
WITHDRAWAL_DAYS = 14
_EEA = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK"
WITHDRAWAL_MARKETS = frozenset([*_EEA.split(), "GB"])
# They may also leave within a month of the notice of a new price (Directive (EU) 2018/1972, article
# 105(4)). A month has up to 31 days.
PRICE_EXIT_DAYS = 31
# German law also asks for a function that cancels (BGB, 312k).
CANCEL_MARKETS = frozenset({"DE"})
# In the same markets, the order button must say that the order costs money (article 8(2); in the
# United Kingdom regulation 14; in Germany BGB, 312j).
# Translators: the order button in the words of Directive 2011/83/EU, article 8(2).
ORDER_BUTTON = gettext_noop("Order with obligation to pay")
# Translators: the short name of value added tax, as on a receipt.
VAT = gettext_noop("VAT")
# In the United States several taxes are added up, so none has a name.
# Translators: the name of Japan's tax on sales, within a sentence.
TAX_WORDS = {
    **dict.fromkeys([*WITHDRAWAL_MARKETS, "AE"], VAT),
    "JP": gettext_noop("consumption tax"),
}
# The operator as this process read it last, under its primary key. Error pages show it without the
# database.
_last_read: dict[int, Operator] = {}


def operator() -> Operator:
    """Return the operator, or a placeholder if the installation is not set up."""
    return _remember(Operator.objects.filter(pk=1).first())


def operator_of_page() -> tuple[Operator, bool]:
    """Return the same, and whether a notice is shown now. It is one query."""
    found = Operator.objects.filter(pk=1).annotate(has_notice=Exists(_running_notices())).first()
    return _remember(found), found is not None and found.has_notice


def _remember(found: Operator | None) -> Operator:
    found = found or Operator(pk=1, name="moportal")
    _last_read[found.pk] = found
    return found


def running_notices() -> list[Notice]:
    """Return the notices that are shown now: warnings first, then the newest first."""
    return list(_running_notices().order_by("-tone", "-pk"))


def _running_notices() -> QuerySet[Notice]:
    return Notice.objects.filter(running_at(now()))


def remember_contact() -> None:
    """Read how to reach support, so that error pages show it from the first request on."""
    try:
        operator()
    except DatabaseError as error:
        log.warning("support contact not read", error=str(error))


def last_read() -> Operator | None:
    """Return the operator without asking the database; None if it was never read."""
    return _last_read.get(1)


def legal_text(kind: LegalText.Kind, *, market: str, language: str) -> LegalText | None:
    """Return the newest text that fits best.

    A text of the market comes before a general one, then the language before English.
    """
    candidates = LegalText.objects.filter(
        kind=kind, market__in=[market, ""], language__in=[language, "en"]
    )
    ranked = sorted(
        candidates,
        key=lambda text: (text.market == market, text.language == language, text.version),
    )
    return ranked[-1] if ranked else None


def market_rules(market: str) -> MarketRules:
    """Return what the law of a market gives its customers: its row, or the defaults."""
    found = MarketRules.objects.filter(market=market).first()
    may_withdraw = market in WITHDRAWAL_MARKETS
    return found or MarketRules(
        market=market,
        withdrawal_days=WITHDRAWAL_DAYS if may_withdraw else 0,
        # Directive 2011/83/EU, article 14(3): in proportion to what has been provided.
        repayment=Repayment.TIME_AND_DATA if may_withdraw else Repayment.WHOLE,
        price_exit_days=PRICE_EXIT_DAYS if may_withdraw else 0,
        offers_cancel_function=market in CANCEL_MARKETS,
        order_button=_in_every_language(ORDER_BUTTON) if may_withdraw else {},
        tax_word=_in_every_language(TAX_WORDS[market]) if market in TAX_WORDS else {},
    )


@cache
def _in_every_language(text: str) -> dict[str, str]:
    words = {}
    for language, _name in settings.LANGUAGES:
        with override(language):
            words[language] = gettext(text)
    return words


def order_button(market: str, language: str) -> str:
    """Return the words that a market's law wants on the order button.

    A language without words gets the English ones. It is empty where the law leaves the words open.
    """
    return words_in(market_rules(market).order_button, language)


def tax_word(market: str, language: str) -> str:
    """Return what the market calls its tax; empty if it has no name for it.

    A language without a word gets the English one.
    """
    return words_in(market_rules(market).tax_word, language)


def start_now_words(market: str, language: str) -> str:
    """Return how a customer asks for the service before the days of withdrawal are over.

    It is empty where the law gives no withdrawal, or where the whole price is always paid back.
    Without words of the market, they are the portal's own, in the current language.
    """
    rules = market_rules(market)
    if not rules.keeps_price_of_use:
        return ""
    days = rules.withdrawal_days
    return words_in(rules.start_now, language) or ngettext(
        "Start now: I ask that the service starts before the %(days)d day in which I can withdraw "
        "is over. I know that I pay for what I use until I withdraw.",
        "Start now: I ask that the service starts before the %(days)d days in which I can withdraw "
        "are over. I know that I pay for what I use until I withdraw.",
        days,
    ) % {"days": days}


def logo_named(name: str) -> tuple[str, bytes] | None:
    """Return the media type and content of the logo with this name, or None."""
    found = Logo.objects.filter(name=name).first()
    if found is not None:
        return found.media_type, bytes(found.content)
    drawn = (one.content for one in operator().initials if one.name == name)
    content = next(drawn, None)
    return (SVG, content) if content is not None else None
