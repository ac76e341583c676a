"""Where the workbench is; the project includes this below `simulator/` where settings allow it."""

from django.urls import path

from simulators.mobileplans import views

urlpatterns = [
    path("", views.simulator, name="simulator"),
    path("token/", views.token, name="simulator-token"),
    path("check/", views.check, name="simulator-check"),
    path("download/", views.download, name="simulator-download"),
]
