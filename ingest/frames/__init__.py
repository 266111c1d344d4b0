"""Frames: what LoRaWAN devices send as bytes, by maker; ``ingest.models`` says what becomes of it."""
