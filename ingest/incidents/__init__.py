"""Incidents: what people did about alerts, from firing to closing. Pure; the rows are in ``ingest.store_incidents``."""
