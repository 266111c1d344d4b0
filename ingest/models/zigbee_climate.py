"""Climate sensor behind Zigbee2MQTT.

Until version 2 ``illuminance`` was a logarithm beside ``illuminance_lux``; since then it is in lux, and alone. Volatile
substances are taken as an index only: under ``voc`` some products give ppb, some µg/m³, and likewise formaldehyde.
"""

from collections.abc import Mapping

from ingest.model import Model, ModelExample, Take
from ingest.payloads.zigbee import TAKE_BATTERY, ZIGBEE
from ingest.source import Plain
from schemas.reason import Reason


def _complete(members: dict[str, Plain], _: Mapping[str, float]) -> None:
    if "illuminance_lux" in members:
        members.pop("illuminance", None)


MODEL = Model(
    title="Zigbee climate sensor",
    device_type="indoor_climate",
    formats=ZIGBEE,
    takes={
        "temperature": Take("temperature", "Cel"),
        "humidity": Take("humidity", "%"),
        "pressure": Take("pressure", "hPa"),
        "co2": Take("co2", "[ppm]"),
        "illuminance": Take("illuminance", "lx"),
        "illuminance_lux": Take("illuminance", "lx"),
        "occupancy": Take("presence"),
        "presence": Take("presence"),
        "pm25": Take("pm2_5", "ug/m3"),
        "pm10": Take("pm10", "ug/m3"),
        "voc_index": Take("tvoc_index"),
        **TAKE_BATTERY,
    },
    complete=_complete,
    hints=("wsdcgq01lm", "wsdcgq11lm", "snzb-02", "snzb-02d", "ts0201", "e2112"),
    examples=(
        ModelExample(
            members={"temperature": 27.34, "humidity": 44.72},
            fields="temperature=27.34,humidity=44.72",
            origin="Zigbee2MQTT's documentation, WSDCGQ01LM",
        ),
        ModelExample(
            members={"temperature": 0.08, "humidity": 0.01, "pressure": 2},
            fields="temperature=0.08,humidity=0.01",
            refused={"pressure": Reason.OUT_OF_RANGE},
            origin="Zigbee2MQTT's tests, WSDCGQ11LM: its pressure is none",
        ),
        ModelExample(
            members={
                "battery": 100,
                "linkquality": 18,
                "occupancy": True,
                "temperature": 19.9,
                "illuminance": 16994,
                "illuminance_lux": 49,
                "update_available": False,
            },
            fields="temperature=19.9,illuminance=49.0,presence=true,battery=100.0",
            origin="recorded: a log of 2020",
        ),
        ModelExample(
            members={"temperature": 21.3, "illuminance": 320, "battery": "100.00", "voltage": 3045, "co2": None},
            fields="temperature=21.3,illuminance=320.0,battery=100.0,voltage=3.045",
            origin="made by hand: lux as since version 2, battery as in old ones",
        ),
        ModelExample(
            members={"co2": 612, "pm25": 4, "voc_index": 102, "temperature": 21, "humidity": 38},
            fields="temperature=21.0,humidity=38.0,co2=612.0,pm2_5=4.0,tvoc_index=102.0",
            origin="made by hand",
        ),
    ),
)
