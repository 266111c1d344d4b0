"""The collector: MQTT messages in, validated readings on disk, then in InfluxDB."""
