"""Repairs, returns and codes for other devices in the admin, read-only."""

from django.contrib import admin

from moportal.web.desk import ReadOnly
from orders.models import PayingCode, Repair, Return


@admin.register(Repair)
class RepairAdmin(ReadOnly, admin.ModelAdmin[Repair]):
    list_display = ["order", "kind", "state", "because", "asked_by", "asked_at", "last_error"]
    list_filter = ["kind", "state"]
    list_select_related = ["order", "asked_by"]
    search_fields = ["=order__number", "=old_profile__sim__iccid", "=new_profile__sim__iccid"]


@admin.register(Return)
class ReturnAdmin(ReadOnly, admin.ModelAdmin[Return]):
    list_display = ["order", "state", "because", "asked_by", "asked_at", "ended_at", "last_error"]
    list_filter = ["state"]
    list_select_related = ["order", "asked_by"]
    search_fields = ["=order__number"]


@admin.register(PayingCode)
class PayingCodeAdmin(ReadOnly, admin.ModelAdmin[PayingCode]):
    """When another device was to pay for an order, and whether it did. The code is never shown."""

    list_display = ["order", "created_at", "expires_at", "used_at", "ended_at"]
    list_select_related = ["order"]
    search_fields = ["=order__number"]
    exclude = ["code", "code_digest"]
