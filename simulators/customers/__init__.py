"""A simulator of the operator's customer system: lines with their SIMs, plans and balances."""
