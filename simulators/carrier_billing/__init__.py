"""A simulator of an operator's billing, in the form of CAMARA Carrier Billing and its refunds."""
