"""Benchmarks of the product: `make bench-orders` and others. No part of the product itself."""
