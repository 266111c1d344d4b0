"""Payloads: what the formats of Sources in ``ingest/codecs`` are read with."""
