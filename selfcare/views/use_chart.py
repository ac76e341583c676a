"""The chart of a line's daily use: bars drawn by the server, and the same numbers for a table."""

from datetime import date
from typing import Any

from django.utils.timezone import now
from django.utils.translation import get_language_bidi

from subscriptions.models import Line
from subscriptions.queries import daily_use

# In units of the drawing. LOWEST keeps the bar of a day with little use visible.
WIDTH, HEIGHT, STEP, BAR, LOWEST = 600, 96, 20, 14, 2


def use_context(line: Line) -> dict[str, Any]:
    """Return the bars of the last 30 days, the days with use, and the largest use of a day."""
    days = daily_use(line, until=now())
    most = max(used for _day, used in days)
    return {
        "use_bars": [_bar(number, used, most) for number, (_day, used) in enumerate(days) if used],
        "use_days": [_row(day, used) for day, used in reversed(days) if used],
        "use_most": most,
        "use_total": sum(used for _day, used in days),
        "use_first": days[0][0],
        "use_last": days[-1][0],
        "use_width": WIDTH,
        "use_height": HEIGHT,
        "bar_width": BAR,
    }


def _bar(number: int, used: int, most: int) -> dict[str, int]:
    """Return the place of a bar. In a script from right to left, time runs from right to left."""
    height = max(LOWEST, HEIGHT * used // most)
    left = number * STEP + (STEP - BAR) // 2
    x = WIDTH - left - BAR if get_language_bidi() else left
    return {"x": x, "y": HEIGHT - height, "height": height}


def _row(day: date, used: int) -> dict[str, Any]:
    return {"day": day, "used": used}
