"""The operator's network side to try the portal against: which plan is live on which SIM."""
