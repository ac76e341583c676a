"""The simulator has no tables; its label keeps clear of the portal's room of the same name."""

from django.apps import AppConfig


class MobilePlansSimulatorConfig(AppConfig):
    name = "simulators.mobileplans"
    label = "mobileplans_simulator"
    verbose_name = "Mobile Plans simulator"
