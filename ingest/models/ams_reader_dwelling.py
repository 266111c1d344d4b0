"""Electricity meter of a dwelling, by the same reader as of any other: see ``ams_reader``.

Nothing that the meter tells says where it is, so the inventory must: this Model is of a dwelling, whose use of
electricity is personal.
"""

import dataclasses

from ingest.models.ams_reader import MODEL as AMS_READER

MODEL = dataclasses.replace(
    AMS_READER, title="AMS-leser ved HAN-porten i en bolig", device_type="dwelling_electricity", hints=()
)
