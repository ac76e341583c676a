"""The host that shows the portal: launch, visit, outcome and handoff."""
