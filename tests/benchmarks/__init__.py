"""Measurements whose numbers stand in docs/durability.md; each is run by hand and says how."""
