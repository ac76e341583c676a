"""SIMs and profiles: the ICCID pool, the SM-DP+ over ES2+, and download progress."""
