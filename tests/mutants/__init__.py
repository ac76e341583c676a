"""Mutation tests of the code that handles states and money: `make mutants`, docs/mutants.md."""
