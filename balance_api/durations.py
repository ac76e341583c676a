"""ISO 8601 durations as the source writes them: `P23DT23H`, and zero exactly `PT0S`."""

from datetime import timedelta


def iso_duration(duration: timedelta) -> str:
    """Return whole seconds in days, hours, minutes and seconds; never negative."""
    seconds = max(int(duration.total_seconds()), 0)
    days, seconds = divmod(seconds, 86_400)
    hours, seconds = divmod(seconds, 3600)
    minutes, seconds = divmod(seconds, 60)
    date = f"{days}D" if days else ""
    time = f"{hours}H" if hours else ""
    if minutes:
        time += f"{minutes}M"
    if seconds:
        time += f"{seconds}S"
    if not date and not time:
        return "PT0S"
    return f"P{date}T{time}" if time else f"P{date}"
