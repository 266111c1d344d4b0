"""Tests against real Mosquitto and real InfluxDB, and laws over everything that is registered."""
