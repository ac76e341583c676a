"""The demo's own address, included where DEMO=1 and SIMULATORS=1."""

from django.urls import path

from demo import views

urlpatterns = [path("age/", views.age, name="demo-age")]
