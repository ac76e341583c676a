"""Customers and staff."""

from django.contrib import admin

from accounts.models import User


@admin.register(User)
class UserAdmin(admin.ModelAdmin[User]):
    list_display = ["username", "name", "language", "is_staff", "is_active", "created_at"]
    list_filter = ["is_staff", "is_active"]
    search_fields = ["=username"]
    readonly_fields = ["created_at", "last_login"]
    exclude = ["password"]
