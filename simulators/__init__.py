"""What is outside, for running and testing without it; none of them imports an app."""
