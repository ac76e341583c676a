"""SIMs and profiles as plain lists; calls and progress beside the profile, to read."""

from django.contrib import admin

from esim.models import DownloadProgress, Es2Call, Profile, Sim, SmdpProvider
from moportal.desk import ReadOnly, ReadOnlyInline


@admin.register(SmdpProvider)
class SmdpProviderAdmin(admin.ModelAdmin[SmdpProvider]):
    list_display = ["code", "smdp_host", "requester_identifier", "pads_iccid"]


@admin.register(Sim)
class SimAdmin(admin.ModelAdmin[Sim]):
    list_display = ["iccid", "kind", "state", "profile_type", "is_in_programme"]
    list_filter = ["kind", "state", "is_in_programme"]
    search_fields = ["=iccid", "=profile__eid"]
    readonly_fields = ["state"]


class CallInline(ReadOnlyInline, admin.TabularInline[Es2Call, Profile]):
    model = Es2Call
    fields = [
        "function",
        "outcome",
        "subject_code",
        "reason_code",
        "sent_at",
        "answered_at",
        "detail",
    ]


class ProgressInline(ReadOnlyInline, admin.TabularInline[DownloadProgress, Profile]):
    model = DownloadProgress
    fields = [
        "point",
        "status",
        "subject_code",
        "reason_code",
        "timestamp",
        "received_at",
        "raw",
    ]


@admin.register(Profile)
class ProfileAdmin(ReadOnly, admin.ModelAdmin[Profile]):
    list_display = ["sim", "state", "provider", "created_at", "downloaded_at"]
    list_filter = ["state", "provider"]
    list_select_related = ["sim", "provider"]
    search_fields = ["=sim__iccid", "=eid"]
    # The matching id is a bearer secret: not even staff see it.
    exclude = ["matching_id", "matching_id_digest"]
    inlines = [CallInline, ProgressInline]
