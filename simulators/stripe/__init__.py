"""A stand-in for Stripe, in the shape of its HTTP API. It has only what the portal uses."""
