"""Alerts: rules as people write them, the pure machine that judges values, and the book of what fires where."""
