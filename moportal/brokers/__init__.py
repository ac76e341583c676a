"""The broker between the portal and its workers."""
