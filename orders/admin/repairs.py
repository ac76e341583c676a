"""Repairs and returns in the admin, read-only."""

from django.contrib import admin

from moportal.web.desk import ReadOnly
from orders.models import Repair, Return


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
