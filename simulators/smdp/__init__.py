"""A simulator of an SM-DP+: ES2+ for the operator, and the device that downloads."""
