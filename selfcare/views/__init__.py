"""The customer's own pages."""
