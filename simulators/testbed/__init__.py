"""Real servers on free loopback ports for tests and the demo: Mosquitto, InfluxDB, perhaps Grafana."""
