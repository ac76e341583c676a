"""Statements to the database: compare-and-set, bulk inserts, and prepared reads."""
