"""Lines and subscriptions, to read."""

from django.contrib import admin

from moportal.desk import ReadOnlyInline
from subscriptions.models import Bucket, Line, NetworkCall, SimOnLine, Subscription


class SimInline(admin.TabularInline[SimOnLine, Line]):
    model = SimOnLine
    extra = 0
    autocomplete_fields = ["sim"]


class BucketInline(admin.TabularInline[Bucket, Subscription]):
    model = Bucket
    extra = 0


class NetworkCallInline(ReadOnlyInline, admin.TabularInline[NetworkCall, Subscription]):
    model = NetworkCall
    fields = ["operation", "iccid", "outcome", "sent_at", "answered_at", "detail"]


@admin.register(Line)
class LineAdmin(admin.ModelAdmin[Line]):
    list_display = ["pk", "account", "msisdn", "created_at"]
    list_select_related = ["account"]
    search_fields = ["=account__username", "=msisdn", "=sims__sim__iccid"]
    autocomplete_fields = ["account"]
    inlines = [SimInline]


@admin.register(Subscription)
class SubscriptionAdmin(admin.ModelAdmin[Subscription]):
    list_display = ["reference", "plan_name", "state", "starts_at", "ends_at"]
    list_filter = ["state"]
    search_fields = ["=reference", "=line__sims__sim__iccid"]
    readonly_fields = ["state", "reference", "live_iccid", "ended_at"]
    autocomplete_fields = ["line"]
    inlines = [BucketInline, NetworkCallInline]
