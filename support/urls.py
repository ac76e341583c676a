from django.urls import path

from support import views

urlpatterns = [
    # A customer system opens this address, so it must not change.
    path("find", views.find, name="find"),
]
