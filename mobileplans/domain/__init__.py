"""The rules of the host: the launch, LPA errors, visits, outcomes and handoffs."""
