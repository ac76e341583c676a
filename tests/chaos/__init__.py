"""`make chaos`: orders in flight under faults, and both providers' books compared with ours."""
