"""The desk's pages about customers and staff, and the form by which staff sign in."""

from django.contrib import admin

from accounts.admin import access, acts, numbers, recoveries, users
from accounts.admin.searching import SearchByIdentifier
from accounts.forms import DeskSignInForm

__all__ = ["SearchByIdentifier", "access", "acts", "numbers", "recoveries", "users"]

admin.site.login_form = DeskSignInForm
