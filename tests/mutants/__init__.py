"""Mutation tests of what states, settles and counts money: `make mutants`, docs/mutants.md."""
