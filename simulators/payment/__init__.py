"""A simulator of a payment provider. Its protocol belongs to this project."""
