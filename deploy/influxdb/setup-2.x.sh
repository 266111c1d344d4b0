#!/bin/bash
# InfluxDB 2.x in a container runs this once, when it is set up: accounts for its 1.x interface, which the collector and
# Grafana use, and the bucket of hourly values. The bucket `sensors/1h` answers to database sensors, policy 1h.
set -euo pipefail

readonly raw=$DOCKER_INFLUXDB_INIT_BUCKET_ID
hourly=$(influx bucket create --org "$DOCKER_INFLUXDB_INIT_ORG" --name sensors/1h --retention 0 --hide-headers | cut -f 1)

add_account() { # NAME FILE ACCESS...
    influx v1 auth create --org "$DOCKER_INFLUXDB_INIT_ORG" --username "$1" --password "$(<"$2")" "${@:3}" >/dev/null
}

add_account collector /run/secrets/influx_collector_password \
    --read-bucket "$raw" --write-bucket "$raw" --read-bucket "$hourly" --write-bucket "$hourly"
add_account grafana /run/secrets/influx_grafana_password --read-bucket "$raw" --read-bucket "$hourly"
