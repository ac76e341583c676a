"""A simulator of the operator's network: which plan is active on which SIM."""
