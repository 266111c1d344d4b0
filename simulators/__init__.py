"""Stand-ins for hardware: simulated fleets, recordings, and servers for tests and the demo."""
