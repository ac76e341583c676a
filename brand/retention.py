"""How long the brand's tables keep their rows."""

from brand.models import LegalText, Logo, MarketRules, Notice, Operator
from moportal.retention import Kept, Timed, register

register(
    Kept(Operator, "a single row"),
    Kept(Logo, "one row for each picture that staff uploaded, 4 KB at most"),
    Kept(LegalText, "written by staff: one row for each kind, market and language"),
    Kept(MarketRules, "written by staff: one row for each market"),
    Timed(Notice, "notices that are over", since="ends_at", setting="DESK_LOG_DAYS"),
)
