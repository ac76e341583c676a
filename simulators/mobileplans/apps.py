"""The simulator has no tables. Its label differs from that of the portal's room `mobileplans`."""

from django.apps import AppConfig


class MobilePlansSimulatorConfig(AppConfig):
    name = "simulators.mobileplans"
    label = "mobileplans_simulator"
    verbose_name = "Mobile Plans simulator"
