"""Electricity meter of a dwelling, read at its HAN port.

It tells what ``ams_meter`` tells; but every few seconds it also tells whether somebody is at home, sleeps or cooks, so
all of it is personal, which the electricity of a public building is not.
"""

import dataclasses

from devices.ams_meter import DEVICE_TYPE as AMS_METER
from schemas.device_type import Area, Privacy

DEVICE_TYPE = dataclasses.replace(
    AMS_METER, title="Strømmåler i bolig (AMS)", area=Area.WELFARE, privacy=Privacy.PERSONAL
)
