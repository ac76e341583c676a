"""The catalogue: plans, where they work, what they cost in each market, and their texts."""
