"""The addresses that the host opens: launch and handoff."""

from django.urls import path

from mobileplans import views

urlpatterns = [
    path("", views.start, name="launch"),
    path("launch-refused/", views.refused, name="launch-refused"),
    path("handoff/", views.handoff, name="handoff"),
    path("handoff/report/", views.report, name="handoff-report"),
]
