"""The simulator's addresses, included below `simulator/` where SIMULATORS=1."""

from django.urls import path

from simulators.mobileplans import views

urlpatterns = [
    path("", views.simulator, name="simulator"),
    path("token/", views.token, name="simulator-token"),
    path("check/", views.check, name="simulator-check"),
    path("messages/", views.messages, name="simulator-messages"),
    path("download/", views.download, name="simulator-download"),
]
