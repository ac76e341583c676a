"""The pages of the journey: a step is a GET, a change is a POST that ends in a 303.

Source: docs/contract.md#journey.
"""
