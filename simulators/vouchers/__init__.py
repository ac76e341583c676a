"""A simulator of an operator's voucher server. Its protocol belongs to this project."""
