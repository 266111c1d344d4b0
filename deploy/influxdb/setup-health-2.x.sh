#!/bin/bash
# Make the bucket of what tells of people's health in the container of InfluxDB 2.x, and the one account that may use it:
# the collector's. Nobody else gets a right to it, Grafana least of all. Off unless somebody runs it, once:
#   docker compose -f deploy/compose.yaml exec influxdb bash /gjovik/setup-health-2.x.sh health [RETENTION]
# RETENTION: how long a reading is kept, for example 90d; for ever when left out.
set -euo pipefail

readonly bucket=${1:?name the bucket, as health.database of the settings does} retention=${2:-0}
if [[ $bucket == "$DOCKER_INFLUXDB_INIT_BUCKET" ]]; then
    printf '%s is the bucket that Grafana reads; name another\n' "$bucket" >&2
    exit 1
fi
INFLUX_TOKEN=$(</run/secrets/influx_admin_token)
export INFLUX_TOKEN
id=$(influx bucket create --org "$DOCKER_INFLUXDB_INIT_ORG" --name "$bucket" --retention "$retention" --hide-headers | cut -f 1)
influx v1 auth create --org "$DOCKER_INFLUXDB_INIT_ORG" --username collector-health \
    --password "$(</run/secrets/influx_health_password)" --read-bucket "$id" --write-bucket "$id" >/dev/null
