"""Measuring the product under load: `make bench-orders`. Nothing here is part of it."""
