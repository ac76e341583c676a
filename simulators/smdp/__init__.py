"""An SM-DP+ to try the portal against: ES2+ for the operator, and the device's side."""
