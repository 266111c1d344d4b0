"""What people look at: boards written in Python and rendered to the JSON that Grafana reads."""
