"""`make chaos`: faults while orders are in flight, then a comparison of all books."""
