"""Microsoft's Get Balance API."""
