"""Everything that only `make run` needs: the demo data and the supervisor."""
