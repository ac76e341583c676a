"""A payment provider to try the portal against; its protocol is this project's own."""
