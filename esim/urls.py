"""The path of the endpoint, as the standard sets it (SGP.22 v2.2, table 57)."""

from django.urls import path

from esim import views

urlpatterns = [
    path("handleDownloadProgressInfo", views.handle_download_progress_info, name="progress")
]
