"""What staff did at the desk: for auditors, and for nobody to change."""

from django.contrib import admin
from django.contrib.admin.models import LogEntry

from moportal.web.desk import ReadOnly


@admin.register(LogEntry)
class LogEntryAdmin(ReadOnly, admin.ModelAdmin[LogEntry]):
    """Who added, changed or deleted what, and which action somebody took.

    The desk writes a line with each act. Nobody can change one, and `DESK_LOG_DAYS` says how long
    they are kept.
    """

    list_display = ["action_time", "user", "act", "content_type", "object_repr", "what"]
    list_filter = ["action_flag"]
    list_select_related = ["user", "content_type"]
    fields = ["action_time", "user", "act", "content_type", "object_id", "object_repr", "what"]
    # The primary key is in the order of time, and has an index.
    ordering = ["-pk"]
    show_full_result_count = False

    @admin.display(description="Act", ordering="action_flag")
    def act(self, entry: LogEntry) -> str:
        return entry.get_action_flag_display()

    @admin.display(description="What was done")
    def what(self, entry: LogEntry) -> str:
        return entry.get_change_message()
