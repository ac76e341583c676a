"""The customer's own page: lines, what is left on them, and orders."""
