"""Simulators of the systems outside the portal. They speak HTTP and import no room."""
